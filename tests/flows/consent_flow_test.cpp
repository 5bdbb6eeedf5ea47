// The consent announcement: spoken before the greeting, in the call's log, and nothing is recorded before it
// was heard.
#include "support/browser_caller.h"
#include "support/http.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr seconds patience{60};
constexpr const char* announcement = "This call will be recorded.";

class Consent : public testing::Test {
 protected:
  void patch(const std::string& path, const std::string& body) {
    const auto answer = http({.method = "PATCH",
                              .url = server_.url(path),
                              .headers = {"Content-Type: application/json"},
                              .body = body});
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  json::object ended(const std::string& id) {
    const auto until = steady_clock::now() + patience;
    for (;;) {
      auto call = http_get(server_.url("/api/calls/" + id)).json().as_object();
      if (call.at("endedAt").is_string()) return call;
      if (steady_clock::now() > until) throw std::runtime_error("the call has no end");
      std::this_thread::sleep_for(milliseconds{50});
    }
  }
  std::string log(const std::string& id) {
    return http_get(server_.url("/api/calls/" + id + "/events")).body;
  }

  Server server_{{{"SIP_LISTEN", "off"}}};
};

TEST_F(Consent, is_announced_before_the_greeting_and_recording_begins_after_it) {
  patch("/api/organization", json::serialize(json::object{{"consentAnnouncement", announcement}}));
  BrowserCaller caller{server_.ws_url("/ws/web-call?assistantId=test-assistant-123")};
  const auto began = steady_clock::now();
  ASSERT_TRUE(caller.wait_for_words(announcement, patience));
  const std::chrono::duration<double> announced = steady_clock::now() - began;
  ASSERT_TRUE(caller.wait_for_words("Harbour Dental", patience));
  ASSERT_EQ(caller.heard().size(), 2u);
  caller.hang_up();
  const auto call = ended(caller.call_id());
  EXPECT_THAT(log(caller.call_id()), HasSubstr("consent_announced"));
  const auto link = http_get(server_.url("/api/calls/" + caller.call_id() + "/recording"));
  ASSERT_EQ(link.status, 200) << link.body;
  const double talked = call.at("duration").to_number<double>();
  const double recorded = link.json().at("duration").to_number<double>();
  EXPECT_GT(recorded, 1.0);
  EXPECT_NEAR(talked - recorded, announced.count(), 1.0);
}

TEST_F(Consent, who_hangs_up_before_it_was_heard_is_not_recorded) {
  patch("/api/assistants/test-assistant-123",
        json::serialize(json::object{{"consentAnnouncement", announcement}}));
  BrowserCaller caller{server_.ws_url("/ws/web-call?assistantId=test-assistant-123")};
  ASSERT_TRUE(caller.wait_for_beginning(announcement, patience));
  caller.hang_up();
  const auto call = ended(caller.call_id());
  EXPECT_EQ(call.at("recordingStatus"), "none");
  EXPECT_FALSE(call.at("hasRecording").as_bool());
  EXPECT_THAT(log(caller.call_id()), testing::Not(HasSubstr("consent_announced")));
  EXPECT_EQ(http_get(server_.url("/api/calls/" + caller.call_id() + "/recording")).status, 404);
}

TEST_F(Consent, an_assistant_s_own_word_stands_before_the_organization_s) {
  patch("/api/organization", json::serialize(json::object{{"consentAnnouncement", announcement}}));
  patch("/api/assistants/test-assistant-123", R"({"consentAnnouncement":""})");
  BrowserCaller caller{server_.ws_url("/ws/web-call?assistantId=test-assistant-123")};
  ASSERT_TRUE(caller.wait_for_beginning("", patience));
  caller.hang_up();
  EXPECT_EQ(ended(caller.call_id()).at("hasRecording"), true);
  const auto assistant = http_get(server_.url("/api/assistants/test-assistant-123")).json();
  EXPECT_EQ(assistant.at("consentAnnouncement"), "");
  patch("/api/assistants/test-assistant-123", R"({"consentAnnouncement":null})");
  EXPECT_TRUE(
      http_get(server_.url("/api/assistants/test-assistant-123")).json().at("consentAnnouncement").is_null());
}

}  // namespace
}  // namespace voxanne::test
