#include "knowledge/embed/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::knowledge::embed {
namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;

TEST(EmbeddingsWire, asks_for_all_texts_in_one_request) {
  EXPECT_EQ(request_body({"m", 0}, {"a \"b\"", "c"}),
            R"({"model":"m","encoding_format":"float","input":["a \"b\"","c"]})");
  EXPECT_THAT(request_body(parse_model("m@256"), {"a"}), HasSubstr(R"("model":"m")"));
  EXPECT_THAT(request_body(parse_model("m@256"), {"a"}), HasSubstr(R"("dimensions":256)"));
}

TEST(EmbeddingsWire, a_model_may_have_an_at_sign_of_its_own) {
  EXPECT_EQ(parse_model("org@v2-model").name, "org@v2-model");
  EXPECT_EQ(parse_model("@512").name, "@512");
  EXPECT_EQ(parse_model("m@0").name, "m@0");
}

TEST(EmbeddingsWire, vectors_come_in_the_order_of_the_texts_and_of_length_one) {
  const auto vectors = read_answer(
      R"({"data":[{"index":1,"embedding":[0,5]},{"index":0,"embedding":[3,4]}],"usage":{}})", {"m", 0}, 2);
  ASSERT_TRUE(vectors) << vectors.error().message;
  EXPECT_THAT((*vectors)[0], ElementsAre(FloatNear(0.6f, 1e-6f), FloatNear(0.8f, 1e-6f)));
  EXPECT_THAT((*vectors)[1], ElementsAre(FloatNear(0, 1e-6f), FloatNear(1, 1e-6f)));
}

TEST(EmbeddingsWire, what_is_no_answer_is_refused) {
  const char* broken[] = {
      "",
      "{",
      "[]",
      R"({"data":[]})",
      R"({"data":[{"index":0,"embedding":[1]}]})",                              // one for two
      R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",  // twice
      R"({"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]})",  // out of place
      R"({"data":[{"index":0,"embedding":[1]},{"index":-1,"embedding":[1]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]})",    // unequal
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[0]}]})",      // zero
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1e400]}]})",  // infinite
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":["1"]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]})",
      R"({"data":[{"index":0,"embedding":[1]},{"index":1}]})",
  };
  for (const char* body : broken) {
    const auto vectors = read_answer(body, {"m", 0}, 2);
    ASSERT_FALSE(vectors) << body;
    EXPECT_EQ(vectors.error().code, "embedding_answer_broken");
    EXPECT_EQ(vectors.error().kind, Fault::unavailable);
  }
  const char* both = R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]}]})";
  EXPECT_TRUE(read_answer(both, {"m", 1}, 2));
  EXPECT_FALSE(read_answer(both, {"m", 3}, 2));
}

TEST(EmbeddingsWire, waits_are_understood_as_providers_write_them) {
  EXPECT_EQ(parse_wait("17"), seconds{17});
  EXPECT_EQ(parse_wait("0"), seconds{0});
  EXPECT_EQ(parse_wait("20ms"), seconds{1});
  EXPECT_EQ(parse_wait("6m0s"), seconds{360});
  EXPECT_EQ(parse_wait("1h2m3.5s"), seconds{3'724});
  EXPECT_EQ(parse_wait("99999999h"), seconds{86'400});
  for (const char* none : {"", "soon", "-1", "1x", "s", "1s2", "1 s", "nan", "inf"})
    EXPECT_EQ(parse_wait(none), std::nullopt) << none;
}

TEST(EmbeddingsWire, what_the_provider_asks_for_is_honoured) {
  const UtcTime now = from_unix_ms(1'790'000'000'000);  // 2026-09-21T14:13:20Z
  const auto wait = [&](std::vector<std::pair<const char*, const char*>> lines) {
    net::Headers headers;
    for (const auto& [name, value] : lines) headers.add(name, value);
    return wait_asked_for(headers, now);
  };
  EXPECT_EQ(wait({}), std::nullopt);
  EXPECT_EQ(wait({{"retry-after", "30"}, {"x-ratelimit-reset-requests", "2m"}}), seconds{30});
  EXPECT_EQ(wait({{"Retry-After", "Mon, 21 Sep 2026 14:14:20 GMT"}}), seconds{60});
  EXPECT_EQ(wait({{"Retry-After", "Mon, 21 Sep 2020 14:14:20 GMT"}}), seconds{0});
  EXPECT_EQ(wait({{"Retry-After-Ms", "1500"}}), seconds{2});
  EXPECT_EQ(wait({{"x-ratelimit-reset-requests", "1s"}, {"x-ratelimit-reset-tokens", "6m0s"}}), seconds{360});
  EXPECT_EQ(wait({{"x-ratelimit-remaining-tokens", "12"},
                  {"x-ratelimit-reset-tokens", "6m0s"},
                  {"x-ratelimit-reset-requests", "3s"}}),
            seconds{3});
}

TEST(EmbeddingsWire, refusals_say_whose_fault_they_are) {
  const auto refusal = [](int status) { return read_refusal(status, {}, UtcTime{}); };
  EXPECT_EQ(refusal(401).code, "embedding_unauthorized");
  EXPECT_EQ(refusal(404).code, "embedding_model_unknown");
  EXPECT_EQ(refusal(429).kind, Fault::rate_limited);
  EXPECT_EQ(refusal(400).kind, Fault::impossible);
  EXPECT_EQ(refusal(500).code, "embedding_provider_failed");
  EXPECT_EQ(refusal(302).code, "embedding_provider_failed");
}

TEST(EmbeddingsWire, inputs_are_cut_at_8000_characters_and_never_within_one) {
  std::string text;
  for (int i = 0; i < 8'001; ++i) text += "é";
  EXPECT_EQ(cut_for_embedding(text).size(), 16'000u);
  EXPECT_EQ(cut_for_embedding("short"), "short");
  EXPECT_EQ(cut_for_embedding(std::string(8'000, 'x')).size(), 8'000u);
}

}  // namespace
}  // namespace voxanne::knowledge::embed
