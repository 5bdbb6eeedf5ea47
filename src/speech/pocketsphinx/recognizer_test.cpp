// The recognizer over real worker processes: calls, and everything that can happen to a worker.
#include "speech/pocketsphinx/recognizer.h"

#include "speech/pocketsphinx/test_models.h"
#include "support/eventually.h"

#include <gmock/gmock.h>

#include <csignal>
#include <fstream>

namespace voxanne::speech::pocketsphinx {
namespace {
using test::eventually;
using namespace std::chrono_literals;

struct Recognizing : testing::Test {
  static void SetUpTestSuite() { models = std::make_unique<TestModels>(); }
  static void TearDownTestSuite() { models.reset(); }
  static std::unique_ptr<TestModels> models;

  async::SystemClock clock;
  async::LoopThread shard{"shard"};
  std::unique_ptr<PocketSphinxRecognizer> recognizer;

  static RecognizerOptions options() {
    return {
        .command = {SPEECH_WORKER, "0"}, .models = models->path(), .fallback_org = "_general", .workers = 1};
  }
  void start(RecognizerOptions with = options()) {
    recognizer = std::make_unique<PocketSphinxRecognizer>(clock, std::move(with));
    ASSERT_TRUE(recognizer->start());
    ASSERT_TRUE(eventually([&] { return recognizer->load().workers_alive > 0; }));
  }
  void TearDown() override {
    if (recognizer) recognizer->stop();
  }

  template <class T>
  T run(async::Task<T> task) {
    return async::run_on(shard.executor(), std::move(task));
  }
  Result<std::unique_ptr<RecognizerStream>> open(const std::string& org = "demo", int rate = 8000) {
    return run(recognizer->open(org, rate));
  }
  // A stream belongs to its shard, also when it dies.
  void destroy(std::unique_ptr<RecognizerStream> stream) {
    run([](std::unique_ptr<RecognizerStream> own) -> async::Task<> {
      own.reset();
      co_return;
    }(std::move(stream)));
  }

  static void write(RecognizerStream& stream, const std::vector<audio::Sample>& audio, int rate) {
    audio::Frame frame{.rate = rate, .kind = audio::Frame::Kind::voice};
    const auto size = audio::samples_per_frame(rate);
    for (std::size_t at = 0; at + size <= audio.size(); at += size) {
      std::copy_n(audio.begin() + static_cast<std::ptrdiff_t>(at), size, frame.pcm.begin());
      stream.write(frame);
    }
  }
  struct Turn {
    std::vector<std::string> partials;
    Result<Hypothesis> final = internal("none", "");
  };
  static async::Task<Turn> turn(RecognizerStream& stream, std::string text, int rate) {
    Turn out;
    write(stream, said(text, rate), rate);
    stream.finish_utterance();
    for (;;) {
      auto heard = co_await stream.next();
      if (!heard || heard->final) {
        out.final = std::move(heard);
        co_return out;
      }
      out.partials.push_back(heard->text);
    }
  }
  std::string hear(RecognizerStream& stream, const std::string& text, int rate = 8000) {
    const auto heard = run(turn(stream, text, rate));
    return heard.final ? heard.final->text : heard.final.error().code;
  }
};
std::unique_ptr<TestModels> Recognizing::models;

TEST_F(Recognizing, a_call_is_understood_turn_by_turn) {
  start();
  auto stream = open().value();
  const auto [partial, final] =
      run([](RecognizerStream& one) -> async::Task<std::pair<Hypothesis, Hypothesis>> {
        write(one, said("what are your opening hours", 8000), 8000);
        auto early = (co_await one.next()).value();
        one.finish_utterance();
        for (;;) {
          auto heard = (co_await one.next()).value();
          if (heard.final) co_return std::pair{early, heard};
        }
      }(*stream));
  EXPECT_FALSE(partial.final);
  EXPECT_FALSE(partial.text.empty());
  EXPECT_EQ(final.text, "what are your opening hours");
  EXPECT_GT(final.confidence, 0.5);
  EXPECT_EQ(final.words.size(), 5u);
  EXPECT_EQ(hear(*stream, "how much is a check up"), "how much is a check up");
  EXPECT_EQ(hear(*stream, "yes please"), "yes please");
  destroy(std::move(stream));
}

// "mongolia" is no word of the practice: only general English has it.
constexpr const char* off_topic = "what is the capital of mongolia";
// What is said here comes all at once, and is no sign that the worker is behind.
constexpr const char* unhurried = "1000000";

TEST_F(Recognizing, while_there_is_room_more_is_understood_than_the_organizations_words) {
  auto with = options();
  with.command = {SPEECH_WORKER, "1", unhurried};
  with.saturated_lag = 60s;
  start(with);
  auto first = open("demo", 16000).value();
  ASSERT_TRUE(eventually([&] { return recognizer->load().general_ready == 1; }));
  EXPECT_NE(hear(*first, off_topic, 16000).find("mongolia"), std::string::npos);
  EXPECT_EQ(hear(*first, "what are your opening hours", 16000), "what are your opening hours");
  EXPECT_TRUE(eventually([&] { return recognizer->load().general_utterances == 2; }));

  // One general decoder, two who talk: the second has the closed model for this utterance.
  auto second = open("demo", 16000).value();
  run([](RecognizerStream& one) -> async::Task<> {
    write(one, said("what are your opening hours", 16000), 16000);
    co_return;
  }(*first));
  EXPECT_EQ(hear(*second, off_topic, 16000).find("mongolia"), std::string::npos);
  const auto finished = run([](RecognizerStream& one) -> async::Task<std::string> {
    one.finish_utterance();
    for (;;)
      if (auto heard = (co_await one.next()).value(); heard.final) co_return heard.text;
  }(*first));
  EXPECT_EQ(finished, "what are your opening hours");
  EXPECT_NE(hear(*second, off_topic, 16000).find("mongolia"), std::string::npos) << "free again";
  EXPECT_TRUE(eventually([&] { return recognizer->load().general_utterances == 4; }));
  destroy(std::move(first));
  destroy(std::move(second));
}

TEST_F(Recognizing, a_worker_that_falls_behind_lets_general_english_go) {
  auto with = options();
  with.command = {SPEECH_WORKER, "1", "100"};  // ms of audio that may wait
  start(with);
  auto stream = open("demo", 16000).value();
  ASSERT_TRUE(eventually([&] { return recognizer->load().general_ready == 1; }));
  // All of it at once is more than that.
  EXPECT_EQ(hear(*stream, off_topic, 16000).find("mongolia"), std::string::npos);
  EXPECT_EQ(hear(*stream, "what are your opening hours", 16000), "what are your opening hours")
      << "the closed model has heard everything all the same";
  destroy(std::move(stream));
}

TEST_F(Recognizing, who_would_cost_too_much_beside_those_who_talk_has_the_closed_model) {
  auto with = options();
  with.command = {SPEECH_WORKER, "2", unhurried, "0.3"};  // room for one at what is guessed at first
  with.saturated_lag = 60s;
  start(with);
  auto first = open("demo", 16000).value();
  ASSERT_TRUE(eventually([&] { return recognizer->load().general_ready == 1; }));
  auto second = open("demo", 16000).value();
  ASSERT_TRUE(eventually([&] { return recognizer->load().general_ready == 2; }));
  const auto question = said(off_topic, 16000);
  const auto rest = question.begin() + 3 * static_cast<std::ptrdiff_t>(audio::samples_per_frame(16000));
  run([](RecognizerStream& one, std::vector<audio::Sample> audio) -> async::Task<> {
    write(one, audio, 16000);
    co_return;
  }(*first, {question.begin(), rest}));
  EXPECT_EQ(hear(*second, off_topic, 16000).find("mongolia"), std::string::npos) << "a decoder was free";
  const auto heard =
      run([](RecognizerStream& one, std::vector<audio::Sample> audio) -> async::Task<std::string> {
        write(one, audio, 16000);
        one.finish_utterance();
        for (;;)
          if (auto now = (co_await one.next()).value(); now.final) co_return now.text;
      }(*first, {rest, question.end()}));
  EXPECT_NE(heard.find("mongolia"), std::string::npos) << "who has begun with it keeps it";
  EXPECT_TRUE(eventually([&] { return recognizer->load().general_utterances == 1; }));
  destroy(std::move(first));
  destroy(std::move(second));
}

TEST_F(Recognizing, a_limit_of_callers_is_kept) {
  auto with = options();
  with.most_callers = 2;
  start(with);
  auto first = open().value();
  auto second = open().value();
  EXPECT_EQ(open().error().code, "recognition_saturated");
  EXPECT_TRUE(eventually([&] { return recognizer->load().turned_away == 1; }));
  destroy(std::move(first));
  ASSERT_TRUE(eventually([&] { return recognizer->load().streams == 1; }));
  auto third = open().value();
  destroy(std::move(second));
  destroy(std::move(third));
}

TEST_F(Recognizing, an_abandoned_utterance_leaves_nothing) {
  start();
  auto stream = open("demo", 16000).value();
  run([](RecognizerStream& one) -> async::Task<> {
    write(one, said("i would like to leave a message", 16000), 16000);
    one.abandon_utterance();
    co_return;
  }(*stream));
  const auto heard = run(turn(*stream, "goodbye", 16000));
  EXPECT_EQ(heard.final.value().text, "goodbye");
  for (const auto& partial : heard.partials) EXPECT_EQ(partial.find("message"), std::string::npos);
  destroy(std::move(stream));
}

TEST_F(Recognizing, several_callers_share_a_worker) {
  start();
  std::vector<std::unique_ptr<RecognizerStream>> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(open().value());
  EXPECT_TRUE(eventually([&] { return recognizer->load().streams == 4; }));
  std::vector<std::future<Turn>> turns;
  const std::vector<std::string> texts{"yes please", "no thank you", "tomorrow morning",
                                       "what are your opening hours"};
  for (std::size_t i = 0; i < streams.size(); ++i)
    turns.push_back(
        boost::asio::co_spawn(shard.executor(), turn(*streams[i], texts[i], 8000), boost::asio::use_future));
  for (std::size_t i = 0; i < streams.size(); ++i) EXPECT_EQ(turns[i].get().final.value().text, texts[i]);
  for (auto& stream : streams) destroy(std::move(stream));
  EXPECT_TRUE(eventually([&] { return recognizer->load().streams == 0; }));
}

TEST_F(Recognizing, an_organization_without_a_model_gets_the_general_one) {
  start();
  auto stream = open("newcomer").value();
  EXPECT_EQ(hear(*stream, "i would like to leave a message"), "i would like to leave a message");
  destroy(std::move(stream));
}

TEST_F(Recognizing, bad_requests_are_refused) {
  start();
  EXPECT_EQ(open("demo", 44100).error().code, "unsupported_rate");
  EXPECT_EQ(open("../demo").error().code, "bad_organization");
  EXPECT_EQ(open("..").error().code, "bad_organization");
  EXPECT_EQ(open("").error().code, "bad_organization");
}

TEST_F(Recognizing, a_full_house_is_told_so_and_has_room_again) {
  auto small = options();
  small.core_share = 0.05;  // of one caller's cost: a capacity of one or two
  start(small);
  std::vector<std::unique_ptr<RecognizerStream>> streams;
  std::string refused;
  while (streams.size() < 10 && refused.empty()) {
    auto stream = open();
    if (stream)
      streams.push_back(std::move(*stream));
    else
      refused = stream.error().code;
  }
  EXPECT_EQ(refused, "recognition_saturated");
  EXPECT_GE(streams.size(), 1u);
  EXPECT_EQ(hear(*streams.front(), "yes please"), "yes please");
  for (auto& stream : streams) destroy(std::move(stream));
  auto again = open();
  ASSERT_TRUE(again);
  destroy(std::move(*again));
}

TEST_F(Recognizing, a_killed_worker_takes_its_streams_and_comes_back) {
  start();
  auto stream = open().value();
  const auto pids = recognizer->worker_pids();
  ASSERT_EQ(pids.size(), 1u);
  kill(pids[0], SIGKILL);
  EXPECT_EQ(hear(*stream, "yes please"), "recognizer_gone");
  EXPECT_EQ(run(stream->next()).error().code, "recognizer_gone") << "and keeps saying so";
  destroy(std::move(stream));
  ASSERT_TRUE(eventually([&] {
    const auto now = recognizer->worker_pids();
    return now.size() == 1 && now[0] != pids[0];
  }));
  auto next = open().value();
  EXPECT_EQ(hear(*next, "yes please"), "yes please");
  destroy(std::move(next));
}

// A drain begins with a signal to the whole group, and has callers to hear.
TEST_F(Recognizing, a_worker_outlives_what_tells_the_server_to_stop) {
  start();
  auto stream = open().value();
  const auto pids = recognizer->worker_pids();
  ASSERT_EQ(pids.size(), 1u);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) kill(pids[0], number);
  EXPECT_EQ(hear(*stream, "yes please"), "yes please");
  EXPECT_EQ(recognizer->worker_pids(), pids);
  destroy(std::move(stream));
}

TEST_F(Recognizing, a_hung_worker_is_noticed_and_replaced) {
  auto impatient = options();
  impatient.hang_after = 2s;
  start(impatient);
  auto stream = open().value();
  const auto pids = recognizer->worker_pids();
  ASSERT_EQ(pids.size(), 1u);
  kill(pids[0], SIGSTOP);
  EXPECT_EQ(hear(*stream, "yes please"), "recognizer_gone");
  destroy(std::move(stream));
  EXPECT_TRUE(eventually([&] {
    const auto now = recognizer->worker_pids();
    return now.size() == 1 && now[0] != pids[0];
  }));
  EXPECT_EQ(kill(pids[0], 0), -1) << "the hung process is gone";
}

TEST_F(Recognizing, a_worker_that_speaks_no_sense_is_never_used) {
  auto babbling = options();
  babbling.command = {"/bin/sh", "-c", "exec head -c 4096 /dev/urandom >&3"};
  recognizer = std::make_unique<PocketSphinxRecognizer>(clock, babbling);
  ASSERT_TRUE(recognizer->start());
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "recognition_away");
}

TEST_F(Recognizing, a_command_that_cannot_be_run_is_told_at_start) {
  auto absent = options();
  absent.command = {"/no/such/worker"};
  recognizer = std::make_unique<PocketSphinxRecognizer>(clock, absent);
  const auto started = recognizer->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, "speech_worker_not_started");
}

TEST_F(Recognizing, a_refused_model_is_replaced_by_the_general_one) {
  const auto poison = models->path() / "poison" / "current";
  std::filesystem::create_directories(poison);
  std::ofstream{poison / "model.lm"} << "\\data\\\nngram 1=999999\n\n\\1-grams:\nnonsense\n";
  std::ofstream{poison / "model.dict"} << "word NO SUCH PHONES\n";
  start();
  auto stream = open("poison").value();
  EXPECT_EQ(hear(*stream, "yes please"), "yes please");
  destroy(std::move(stream));
}

TEST_F(Recognizing, a_model_that_ended_a_worker_is_not_tried_again) {
  start();
  auto trusted = open("demo").value();
  EXPECT_EQ(hear(*trusted, "do you offer invisalign"), "do you offer invisalign");
  destroy(std::move(trusted));
  const auto pids = recognizer->worker_pids();
  ASSERT_EQ(pids.size(), 1u);
  kill(pids[0], SIGSTOP);
  auto opening =
      boost::asio::co_spawn(shard.executor(), recognizer->open("demo", 8000), boost::asio::use_future);
  ASSERT_TRUE(eventually([&] { return recognizer->load().streams == 1; }));
  kill(pids[0], SIGKILL);
  EXPECT_EQ(opening.get().error().code, "recognizer_gone");
  ASSERT_TRUE(eventually([&] {
    const auto now = recognizer->worker_pids();
    return now.size() == 1 && now[0] != pids[0];
  }));
  auto general = open("demo").value();
  EXPECT_EQ(hear(*general, "do you offer invisalign").find("invisalign"), std::string::npos)
      << "the general model does not know the word";
  destroy(std::move(general));
}

TEST_F(Recognizing, stopping_ends_what_waits) {
  start();
  auto stream = open().value();
  auto waiting = boost::asio::co_spawn(shard.executor(), stream->next(), boost::asio::use_future);
  recognizer->stop();
  EXPECT_EQ(waiting.get().error().code, "recognizer_gone");
  EXPECT_EQ(run(stream->next()).error().code, "recognizer_gone");
  destroy(std::move(stream));
  EXPECT_EQ(open().error().code, "recognizer_gone");
}

}  // namespace
}  // namespace voxanne::speech::pocketsphinx
