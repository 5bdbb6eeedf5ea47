// Against an imposter over real sockets.
#include "knowledge/embed/openai_embedder.h"
#include "async/thread.h"
#include "support/embeddings_imposter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::knowledge::embed {
namespace {

using Mood = test::EmbeddingsImposter::Mood;
using Purpose = Embedder::Purpose;

class OpenAi : public testing::Test {
 protected:
  ~OpenAi() override { async::run_on(house_.executor(), embedder_.stop()); }

  Result<std::vector<Vector>> embed(std::vector<std::string> texts, Purpose purpose = Purpose::document,
                                    milliseconds within = 5s, const std::string& model = "m") {
    return async::run_on(elsewhere_.executor(), embedder_.embed(model, std::move(texts), purpose,
                                                                async::Deadline::after(clock_, within)));
  }
  milliseconds pause() {
    return async::run_on(house_.executor(), [](OpenAiEmbedder& embedder) -> async::Task<milliseconds> {
      co_return embedder.pause();
    }(embedder_));
  }

  test::EmbeddingsImposter provider_{8};
  async::SystemClock clock_;
  async::LoopThread house_{"house"}, elsewhere_{"elsewhere"};
  async::WorkerPool workers_{"workers", 1};
  OpenAiEmbedder embedder_{{.base_url = provider_.url(), .api_key = Secret{"sk-secret"}, .model = "m"},
                           clock_,
                           house_.executor(),
                           workers_};
};

TEST_F(OpenAi, texts_become_vectors_in_their_order) {
  const auto vectors = embed({"opening hours", "parking", "opening hours"});
  ASSERT_TRUE(vectors) << vectors.error().message;
  ASSERT_EQ(vectors->size(), 3u);
  EXPECT_EQ((*vectors)[0], (*vectors)[2]);
  EXPECT_NE((*vectors)[0], (*vectors)[1]);
  EXPECT_EQ(provider_.asked().at(0).key, "Bearer sk-secret");
  EXPECT_TRUE(embedder_.health());
}

TEST_F(OpenAi, empty_texts_are_refused_and_never_sent) {
  const auto vectors = embed({"parking", " \n"});
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().code, "embedding_input_empty");
  EXPECT_EQ(vectors.error().kind, Fault::malformed);
  EXPECT_TRUE(provider_.asked().empty());
}

TEST_F(OpenAi, every_fault_is_an_error_and_none_a_vector) {
  const std::pair<Mood, const char*> faults[] = {
      {Mood::broken, "embedding_provider_failed"},  {Mood::closing, "embedding_provider_away"},
      {Mood::malformed, "embedding_answer_broken"}, {Mood::odd, "embedding_answer_broken"},
      {Mood::zero, "embedding_answer_broken"},      {Mood::forgetful, "embedding_model_unknown"},
  };
  for (const auto& [mood, code] : faults) {
    OpenAiEmbedder fresh{{.base_url = provider_.url(), .model = "m"}, clock_, house_.executor(), workers_};
    provider_.set(mood);
    const auto vectors = async::run_on(house_.executor(), fresh.embed("m", {"a", "b"}, Purpose::document,
                                                                      async::Deadline::after(clock_, 5s)));
    ASSERT_FALSE(vectors) << code;
    EXPECT_EQ(vectors.error().code, code);
    EXPECT_FALSE(fresh.health());
    EXPECT_EQ(fresh.seen().failed.value(), 1u);
    async::run_on(house_.executor(), fresh.stop());
  }
}

TEST_F(OpenAi, a_provider_that_hangs_costs_the_deadline_and_no_more) {
  provider_.set(Mood::hanging);
  const auto begun = clock_.now();
  const auto vectors = embed({"a"}, Purpose::question, 200ms);
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().code, "embedding_timed_out");
  EXPECT_LT(clock_.now() - begun, 2s);
  provider_.set(Mood::well);
}

TEST_F(OpenAi, a_limit_holds_for_documents_and_questions_alike) {
  provider_.limit_with("Retry-After: 30\r\n");
  provider_.set(Mood::limiting);
  const auto limited = embed({"a"});
  ASSERT_FALSE(limited);
  EXPECT_EQ(limited.error().kind, Fault::rate_limited);
  EXPECT_EQ(limited.error().retry_after, seconds{30});
  EXPECT_GT(pause(), 25s);
  provider_.set(Mood::well);
  for (const auto purpose : {Purpose::document, Purpose::question}) {
    const auto paused = embed({"a"}, purpose);
    ASSERT_FALSE(paused);
    EXPECT_EQ(paused.error().code, "embedding_paused");
  }
  EXPECT_EQ(provider_.asked().size(), 1u);
}

TEST_F(OpenAi, a_provider_that_keeps_failing_is_left_alone) {
  provider_.set(Mood::broken);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(embed({"a"}));
  EXPECT_EQ(provider_.asked().size(), 3u);
  EXPECT_GT(pause(), 0ms);
}

TEST_F(OpenAi, questions_are_remembered) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(embed({"are you open"}, Purpose::question));
  EXPECT_EQ(provider_.asked().size(), 1u);
  ASSERT_TRUE(embed({"are you open"}, Purpose::question, 5s, "older"));
  EXPECT_EQ(provider_.asked().size(), 2u);
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(embed({"question " + std::to_string(i)}, Purpose::question));
  ASSERT_TRUE(embed({"are you open"}, Purpose::question));
  EXPECT_EQ(provider_.asked().size(), 603u);
}

TEST_F(OpenAi, an_outage_and_its_end_are_noticed_by_themselves) {
  std::atomic<int> recovered = 0;
  OpenAiEmbedder watched{
      {.base_url = provider_.url(), .model = "m", .probe_every = 20ms, .on_recovered = [&] { ++recovered; }},
      clock_,
      house_.executor(),
      workers_};
  async::asio::post(house_.executor(), [&] { watched.start(); });
  ASSERT_TRUE(provider_.wait_until(5s, [](const auto& provider) { return !provider.asked().empty(); }));
  provider_.set(Mood::broken);
  ASSERT_TRUE(provider_.wait_until(5s, [](const auto& provider) {
    const auto asked = provider.asked();
    return std::ranges::count_if(asked, [](const auto& one) { return one.answered == 500; }) >= 2;
  }));
  EXPECT_FALSE(watched.health());
  EXPECT_EQ(recovered, 0);
  provider_.set(Mood::well);
  const auto until = clock_.now() + 10s;
  while (recovered == 0 && clock_.now() < until) std::this_thread::yield();
  EXPECT_EQ(recovered, 1);
  EXPECT_TRUE(watched.health());
  async::run_on(house_.executor(), watched.stop());
}

}  // namespace
}  // namespace voxanne::knowledge::embed
