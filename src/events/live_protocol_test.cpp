#include "events/live_protocol.h"

#include <gtest/gtest.h>

namespace voxanne::events {
namespace {

TEST(LiveProtocol, requests_are_read) {
  EXPECT_TRUE(std::holds_alternative<Ping>(parse_live_request(R"({"type":"ping","more":1})").value()));
  const auto bare = std::get<Subscribe>(parse_live_request(R"({"type":"subscribe"})").value());
  EXPECT_EQ(bare.token, "");
  EXPECT_FALSE(bare.since);
  const auto full = std::get<Subscribe>(
      parse_live_request(R"({"type":"subscribe","token":"t","since":7,"epoch":"e"})").value());
  EXPECT_EQ(full.token, "t");
  EXPECT_EQ(full.since->seq, 7u);
  EXPECT_EQ(full.since->epoch, "e");
  const auto no_epoch = std::get<Subscribe>(parse_live_request(R"({"type":"subscribe","since":0})").value());
  EXPECT_EQ(no_epoch.since->epoch, "");
  EXPECT_FALSE(std::get<Subscribe>(parse_live_request(R"({"type":"subscribe","since":null})").value()).since);
}

TEST(LiveProtocol, what_cannot_be_read_is_answered_with_a_reason) {
  for (const std::string text : {"", "x", "[]", "\"ping\"", "{}", R"({"type":5})", R"({"type":"shout"})",
                                 R"({"type":"subscribe","since":-1})", R"({"type":"subscribe","since":1.5})",
                                 R"({"type":"subscribe","since":"7"})", R"({"type":"subscribe")"}) {
    const auto request = parse_live_request(text);
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, "bad_message");
    EXPECT_LE(request.error().message.size(), 123u);
  }
  EXPECT_FALSE(parse_live_request(std::string(10'000, '[')));
}

TEST(LiveProtocol, answers_are_the_contract_s) {
  EXPECT_EQ(subscribed_message(OrgId{"demo"}, "00ff", 12),
            R"({"type":"subscribed","orgId":"demo","epoch":"00ff","seq":12})");
  EXPECT_EQ(resync_message("00ff", 12), R"({"type":"resync","epoch":"00ff","seq":12})");
}

}  // namespace
}  // namespace voxanne::events
