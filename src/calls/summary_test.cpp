#include "calls/summary.h"

#include "base/json_text.h"

#include <gtest/gtest.h>

namespace voxanne::calls {
namespace {

domain::Turn turn(domain::Speaker speaker, std::string text, std::string source = {}) {
  domain::Turn out;
  out.speaker = speaker;
  out.text = std::move(text);
  out.source = std::move(source);
  return out;
}

using domain::Speaker;

TEST(CallSummary, says_what_was_asked_and_what_came_of_it) {
  const auto answered =
      summarize({.turns = {turn(Speaker::assistant, "Hello"), turn(Speaker::caller, "when are you open"),
                           turn(Speaker::assistant, "From nine.", "Opening hours")}});
  EXPECT_EQ(answered.outcome, "answered");
  EXPECT_EQ(answered.summary, "The caller said “when are you open”. Answered from Opening hours.");
  EXPECT_EQ(answered.tools_used, R"(["look_up_knowledge"])");

  const auto message = summarize({.turns = {turn(Speaker::caller, "leave a message")}, .messages_taken = 1});
  EXPECT_EQ(message.outcome, "message-taken");
  EXPECT_EQ(message.tools_used, R"(["take_message"])");

  const auto gap =
      summarize({.turns = {turn(Speaker::caller, "do you sell fish")}, .questions_unanswered = 1});
  EXPECT_EQ(gap.outcome, "not-answered");
  EXPECT_EQ(summarize({.turns = {turn(Speaker::assistant, "Hello")}}).outcome, "no-conversation");
}

TEST(CallSummary, cuts_long_quotes_between_characters) {
  std::string words;
  for (int i = 0; i < 100; ++i) words += "é";
  const auto long_one = summarize({.turns = {turn(Speaker::caller, "x" + words)}});
  EXPECT_TRUE(is_valid_utf8(long_one.summary));
  EXPECT_LT(long_one.summary.size(), 200u);
}

}  // namespace
}  // namespace voxanne::calls
