#include "telephony/browser/control.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::browser {
namespace {

TEST(ControlTest, reads_every_type) {
  EXPECT_EQ(std::get<Subscribe>(parse_control(R"({"type":"subscribe","token":"t","more":1})").value()).token,
            "t");
  EXPECT_EQ(std::get<Subscribe>(parse_control(R"({"type":"subscribe"})").value()).token, "");
  EXPECT_EQ(std::get<Subscribe>(parse_control(R"({"type":"subscribe","token":null})").value()).token, "");
  EXPECT_EQ(std::get<Subscribe>(parse_control(R"({"type":"subscribe","token":1})").value()).token, "");
  const std::string long_token(9'000, 'x');
  EXPECT_EQ(
      std::get<Subscribe>(parse_control(R"({"type":"subscribe","token":")" + long_token + "\"}").value())
          .token,
      long_token);
  EXPECT_TRUE(std::holds_alternative<Start>(parse_control(R"({"type":"start"})").value()));
  EXPECT_TRUE(std::holds_alternative<Hangup>(parse_control(R"({"type":"hangup"})").value()));
  EXPECT_EQ(std::get<Dtmf>(parse_control(R"({"type":"dtmf","digit":"5"})").value()).digits, "5");
  EXPECT_EQ(std::get<Dtmf>(parse_control(R"({"type":"dtmf","digits":"12*#AD"})").value()).digits, "12*#AD");
  EXPECT_EQ(std::get<Mark>(parse_control(R"({"type":"mark","name":"7"})").value()).name, "7");
}

TEST(ControlTest, refuses_the_rest_with_a_reason_that_fits_a_close_frame) {
  for (const std::string& text : std::vector<std::string>{
           "", "x", "[]", "\"start\"", "{}", R"({"type":5})", R"({"type":"unknown"})", R"({"type":""})",
           R"({"type":"dtmf"})", R"({"type":"dtmf","digit":5})", R"({"type":"dtmf","digit":"x"})",
           R"({"type":"dtmf","digits":"000000000000000000000000000000000"})", R"({"type":"mark","name":{}})",
           "{\"type\":\"start\"", "{\"type\":\"\xff\"}", std::string(500, '[')}) {
    const auto control = parse_control(text);
    ASSERT_FALSE(control) << text;
    EXPECT_EQ(control.error().code, "bad_control");
    EXPECT_LE(control.error().message.size(), 123u);
  }
}

TEST(ControlTest, writes_what_it_says) {
  EXPECT_EQ(ready_message(CallId{"call_1"}),
            R"({"type":"ready","callId":"call_1","sampleRate":16000,"frameMs":20})");
  EXPECT_EQ(transcript_message(domain::Speaker::caller, "say \"hi\"", true),
            R"({"type":"transcript.final","speaker":"caller","text":"say \"hi\""})");
  EXPECT_EQ(transcript_message(domain::Speaker::assistant, "he", false),
            R"({"type":"transcript.partial","speaker":"assistant","text":"he"})");
  EXPECT_EQ(mark_message("3"), R"({"type":"mark","name":"3"})");
  EXPECT_EQ(ended_message("r"), R"({"type":"ended","reason":"r"})");
  EXPECT_EQ(subscribed_message(OrgId{"o"}), R"({"type":"subscribed","orgId":"o"})");
}

}  // namespace
}  // namespace voxanne::telephony::browser
