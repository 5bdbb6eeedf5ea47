// A message that a caller leaves reaches whom it is for: the organization's webhook, signed, and its
// mailbox.
#include "mailbox.h"
#include "receiver.h"
#include "support/browser_caller.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"
#include "support/spoken.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::HasSubstr;

TEST(Message, that_a_caller_leaves_is_told_by_webhook_and_by_mail) {
  Receiver receiver;
  Mailbox mailbox{{"plain"}};
  Server server{{{"WEBHOOK_ALLOW", "127.0.0.0/8"},
                 {"SMTP_URL", "smtp://127.0.0.1:" + mailbox.port()},
                 {"MAIL_FROM", "Voxanne <voxanne@example.com>"},
                 {"PUBLIC_URL", "https://voxanne.example"}}};
  const auto webhook = http_post_json(server.url("/api/webhooks"),
                                      {{"url", receiver.url("desk")}, {"events", {"message.taken"}}});
  ASSERT_EQ(webhook.status, 200) << webhook.body;
  receiver.set("desk", {{"secrets", json::array{webhook.json().at("secret")}}});
  const auto told_to = http({.method = "PATCH",
                             .url = server.url("/api/organization"),
                             .headers = {"Content-Type: application/json"},
                             .body = R"({"messageRecipients":["desk@example.com"]})"});
  ASSERT_EQ(told_to.status, 200) << told_to.body;

  BrowserCaller caller{server.ws_url("/ws/web-call?assistantId=test-assistant-123")};
  ASSERT_TRUE(caller.wait_for_words("", seconds{20})) << "the greeting";
  ASSERT_EQ(caller.leave_a_message(spoken("please call me back", audio::wideband), "07700900123"), "");

  const auto told = receiver.next("desk", "message.taken");
  EXPECT_EQ(told.at("verified").at(0), true);
  EXPECT_EQ(told.at("data").at("callId"), caller.call_id().c_str());
  EXPECT_EQ(told.at("data").at("caller").at("number"), "07700900123");
  const auto mail = mailbox.to("desk@example.com");
  EXPECT_THAT(body_of(mail), HasSubstr("07700900123"));
  const auto kept = http_get(server.url("/api/messages")).json();
  EXPECT_EQ(kept.at("messages").at(0).at("id"), told.at("data").at("id"));
  caller.hang_up();
}

TEST(MessageLeft, by_a_caller_who_hangs_up_after_the_tone_is_kept) {
  Server server;
  Live live{server.ws_url("/ws/live-calls")};
  BrowserCaller caller{server.ws_url("/ws/web-call?assistantId=test-assistant-123")};
  ASSERT_TRUE(caller.wait_for_words("", seconds{20})) << "the greeting";
  caller.press("0");
  ASSERT_TRUE(caller.wait_for_words("after the tone", seconds{20}));
  auto words = spoken("please call me back", audio::wideband);
  words.insert(words.begin(), audio::wideband, 0);
  words.resize(words.size() + audio::wideband);
  caller.say(words);
  caller.press("#");
  ASSERT_TRUE(caller.wait_for_beginning("type the number", seconds{20}));
  caller.hang_up();
  ASSERT_TRUE(live.wait_for_type("message.taken", seconds{20}));
  ASSERT_TRUE(live.wait_for_type("call.ended", seconds{20}));
  EXPECT_TRUE(live.wait_for_type("stats.updated", seconds{5}));
  const auto kept = http_get(server.url("/api/messages")).json().at("messages").as_array();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_THAT(std::string{kept[0].at("text").as_string()},
              testing::AllOf(HasSubstr("in the recording from"), HasSubstr("before the caller confirmed")));
}

}  // namespace
}  // namespace voxanne::test
