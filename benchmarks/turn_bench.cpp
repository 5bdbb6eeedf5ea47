// What a conversation adds to a turn: from the slot in which the end of the caller's turn is
// decided to the first audio of the answer waiting at the pacer, with providers that answer at
// once, 100 calls on one media shard in real time. The floor is what the same loop takes for the
// three hand-overs a turn cannot do without (final words, reply, audio), each one post. The first
// frame leaves with the next slot, up to 20 ms later. Also: the CPU time of one exchange().
//
//   turn_bench [calls] [seconds]
#include "conversation/conversation.h"
#include "media/shard.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <numbers>
#include <optional>
#include <thread>
#include <vector>

using namespace voxanne;

namespace {

using Moment = std::chrono::steady_clock::time_point;
Moment now() { return std::chrono::steady_clock::now(); }

// Of this thread; reading it costs a third of a microsecond.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// What one call measured, on its shard.
struct Turns {
  std::optional<Moment> decided;
  bool ready = false;
  std::vector<double> to_pacer_ms, to_frame_ms;
};

// A vowel whose pitch glides, as the voice detector expects of a voice.
std::vector<audio::Frame> spoken_word() {
  std::vector<audio::Frame> frames(25);
  double phase = 0;
  for (std::size_t i = 0; i < frames.size() * 160; ++i) {
    const double t = static_cast<double>(i) / 8'000;
    phase += 2 * std::numbers::pi * (110 + 90 * t) / 8'000;
    double sample = 0;
    for (int harmonic = 1; harmonic <= 12; ++harmonic) sample += std::sin(harmonic * phase) / harmonic;
    auto& frame = frames[i / 160];
    frame.kind = audio::Frame::Kind::voice;
    frame.pcm[i % 160] = static_cast<audio::Sample>(4'000 * sample * std::min(1.0, 20 * t));
  }
  return frames;
}

class InstantRecognizer final : public speech::Recognizer {
 public:
  InstantRecognizer(async::Executor executor, Turns& turns) : executor_(executor), turns_(turns) {}
  std::string_view name() const override { return "instant"; }
  async::Task<Result<std::unique_ptr<speech::RecognizerStream>>> open(std::string, int) override {
    co_return std::make_unique<Stream>(executor_, turns_);
  }

 private:
  struct Stream final : speech::RecognizerStream {
    Stream(async::Executor executor, Turns& t) : turns(t), changed(executor) {}
    void write(const audio::Frame&) override {
      if (!std::exchange(began, true)) add({.final = false, .text = "yes"});
    }
    void finish_utterance() override {
      turns.decided = now();
      turns.ready = began = false;
      add({.final = true, .text = "yes", .confidence = 0.9});
    }
    void abandon_utterance() override { began = false; }
    async::Task<Result<speech::Hypothesis>> next() override {
      while (waiting.empty()) {
        changed.reset();
        co_await changed.wait();
      }
      auto hypothesis = std::move(waiting.front());
      waiting.pop_front();
      co_return hypothesis;
    }
    void add(speech::Hypothesis hypothesis) {
      waiting.push_back(std::move(hypothesis));
      changed.set();
    }

    Turns& turns;
    async::Event changed;
    std::deque<speech::Hypothesis> waiting;
    bool began = false;
  };

  async::Executor executor_;
  Turns& turns_;
};

class InstantResponder final : public conversation::Responder {
 public:
  std::string_view name() const override { return "instant"; }
  std::unique_ptr<conversation::Reply> respond(const conversation::CallerInput&) override {
    return std::make_unique<One>();
  }
  void interrupted(std::string_view) override {}
  bool expects_digits() const override { return false; }

 private:
  struct One final : conversation::Reply {
    async::Task<Result<std::optional<conversation::ReplyPart>>> next() override {
      if (std::exchange(said, true)) co_return std::nullopt;
      co_return conversation::ReplyPart{.text = "Certainly."};
    }
    bool said = false;
  };
};

class InstantSynthesizer final : public speech::Synthesizer {
 public:
  explicit InstantSynthesizer(Turns& turns) : turns_(turns) {}
  std::string_view name() const override { return "instant"; }
  std::unique_ptr<speech::SpeechStream> say(std::string text, const std::string&, int rate) override {
    return std::make_unique<Stream>(turns_, text.size(), rate);
  }

 private:
  struct Stream final : speech::SpeechStream {
    Stream(Turns& t, std::size_t end, int r) : turns(t), text_end(end), rate(r) {}
    async::Task<Result<std::optional<speech::SpeechChunk>>> next() override {
      if (std::exchange(said, true)) {
        // Asked for more: what was given before is with the pacer.
        if (turns.decided && !std::exchange(turns.ready, true))
          turns.to_pacer_ms.push_back(
              std::chrono::duration<double, std::milli>(now() - *turns.decided).count());
        co_return std::nullopt;
      }
      speech::SpeechChunk chunk{std::vector<audio::Sample>(static_cast<std::size_t>(rate / 5), 3'000), {}};
      chunk.words.push_back({text_end, chunk.samples.size()});
      co_return chunk;
    }

    Turns& turns;
    std::size_t text_end;
    int rate;
    bool said = false;
  };

  Turns& turns_;
};

// A call and its leg: the caller says a word of half a second every two seconds.
class Call final : public media::Ticked, public conversation::ConversationObserver {
 public:
  Call(async::Executor executor, async::Clock& clock, int phase, const std::vector<audio::Frame>& word)
      : phase_(phase), word_(word) {
    conversation::ConversationOptions options;
    options.assistant.greeting = "Hello.";
    options.assistant.idle_prompt_after = std::chrono::hours{1};
    conversation_ = std::make_unique<conversation::Conversation>(
        executor, clock, std::move(options),
        conversation::Providers{{{std::make_shared<InstantRecognizer>(executor, turns)}},
                                {{std::make_shared<InstantSynthesizer>(turns)}},
                                {{std::make_shared<InstantResponder>()}}},
        *this);
  }

  async::Task<> run() { co_await conversation_->run(); }
  void stop() {
    conversation_->stop({.status = domain::CallStatus::ended, .reason = "done", .fault = {}, .detail = {}});
  }
  void on_tick(SteadyTime) override {
    if (++tick_ % 4 != phase_ % 4) return;
    const double began = cpu_seconds();
    const int slot = (tick_ / 4 + phase_ * 7) % 100;
    conversation_->exchange(slot < 25 ? word_[static_cast<std::size_t>(slot)] : quiet_, said_);
    exchange_seconds += cpu_seconds() - began;
    ++exchanges;
    if (said_.kind == audio::Frame::Kind::voice && turns.decided && turns.ready) {
      turns.to_frame_ms.push_back(std::chrono::duration<double, std::milli>(now() - *turns.decided).count());
      turns.decided.reset();
    }
  }

  Turns turns;
  double exchange_seconds = 0;
  int exchanges = 0;

 private:
  void on_turn(domain::Turn) override {}
  void on_partial(domain::Speaker, std::string_view) override {}
  void on_event(std::string_view, conversation::EventDetails) override {}
  void on_clear_playout() override {}

  int phase_, tick_ = 0;
  const std::vector<audio::Frame>& word_;
  audio::Frame quiet_{.kind = audio::Frame::Kind::voice}, said_;
  std::unique_ptr<conversation::Conversation> conversation_;
};

// Three posts, one after the other, every tick.
class Floor final : public media::Ticked {
 public:
  explicit Floor(async::Executor executor) : executor_(executor) {}
  void on_tick(SteadyTime) override { hop(3, now()); }
  std::vector<double> ms;

 private:
  void hop(int left, Moment began) {
    if (left == 0) {
      ms.push_back(std::chrono::duration<double, std::milli>(now() - began).count());
      return;
    }
    boost::asio::post(executor_, [this, left, began] { hop(left - 1, began); });
  }
  async::Executor executor_;
};

void print(const char* name, std::vector<double> values) {
  if (values.empty()) {
    std::printf("%-46s nothing measured\n", name);
    return;
  }
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * double(values.size() - 1))];
  };
  std::printf("%-46s p50 %7.3f   p99 %7.3f   worst %7.3f ms   (%zu)\n", name, at(0.5), at(0.99),
              values.back(), values.size());
}

template <class F>
void on_shard(async::Executor executor, F work) {
  std::promise<void> done;
  boost::asio::post(executor, [&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace

int main(int argc, char** argv) {
  const int calls = argc > 1 ? std::atoi(argv[1]) : 100;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 10;
  const auto word = spoken_word();
  async::SystemClock clock;
  media::Shard shard{"media"};
  const auto executor = shard.executor();
  std::vector<std::unique_ptr<Call>> all;
  Floor floor{executor};
  std::atomic<int> running = calls;

  on_shard(executor, [&] {
    for (int i = 0; i < calls; ++i) {
      auto& call = *all.emplace_back(std::make_unique<Call>(executor, clock, i, word));
      boost::asio::co_spawn(executor, call.run(), [&](std::exception_ptr) { --running; });
      shard.add(call);
    }
    shard.add(floor);
  });
  std::this_thread::sleep_for(std::chrono::seconds{seconds});
  on_shard(executor, [&] {
    shard.remove(floor);
    for (auto& call : all) {
      shard.remove(*call);
      call->stop();
    }
  });
  while (running > 0) std::this_thread::sleep_for(std::chrono::milliseconds{5});

  std::vector<double> pacer, frame;
  double exchange_seconds = 0;
  int exchanges = 0;
  for (const auto& call : all) {
    pacer.insert(pacer.end(), call->turns.to_pacer_ms.begin(), call->turns.to_pacer_ms.end());
    frame.insert(frame.end(), call->turns.to_frame_ms.begin(), call->turns.to_frame_ms.end());
    exchange_seconds += call->exchange_seconds;
    exchanges += call->exchanges;
  }
  std::printf("%d calls, %d s; providers answer at once\n", calls, seconds);
  print("end of turn decided → audio at the pacer", pacer);
  print("floor: three posts on the same loop", floor.ms);
  print("end of turn decided → first frame (next slot)", frame);
  std::printf("one exchange(): %.2f µs, so 1,000 calls take %.1f %% of a core\n",
              1e6 * exchange_seconds / exchanges, 100 * 50'000 * exchange_seconds / exchanges);
  on_shard(executor, [&] { all.clear(); });
  shard.stop();
}
