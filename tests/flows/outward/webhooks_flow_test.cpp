// Webhooks as their receiver sees them: signed so that the specification's own library accepts them, sent
// though the process was killed in between, and not held up by anybody else's endpoint.
#include "receiver.h"
#include "support/http.h"
#include "support/server.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <csignal>
#include <regex>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

class Webhooks : public testing::Test {
 protected:
  json::value made(const std::string& path, const json::value& body) {
    const auto answer = http_post_json(server.url(path), body);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  json::value add(const std::string& name, json::array events) {
    auto webhook = made("/api/webhooks", {{"url", receiver.url(name)}, {"events", std::move(events)}});
    receiver.set(name, {{"secrets", json::array{webhook.at("secret")}}});
    return webhook;
  }
  std::string book(int hour) {
    const std::string at = "2031-02-" + std::to_string(10 + hour / 24) + "T" + (hour % 24 < 10 ? "0" : "") +
                           std::to_string(hour % 24);
    const auto booked =
        made("/api/appointments",
             {{"staff", "Dr Reed"}, {"startsAt", at + ":00:00Z"}, {"endsAt", at + ":30:00Z"}});
    return std::string{booked.at("id").as_string()};
  }
  json::value deliveries(const json::value& webhook) {
    return http_get(server.url("/api/webhooks/" + std::string{webhook.at("id").as_string()} +
                               "/deliveries?limit=100"))
        .json()
        .at("deliveries");
  }

  Receiver receiver;
  Server server{{{"WEBHOOK_ALLOW", "127.0.0.0/8"}}};
};

TEST_F(Webhooks, what_happens_is_told_signed_and_again_when_asked) {
  const auto webhook = add("desk", {"call.started", "call.ended", "appointment.created"});
  const std::string path = "/api/webhooks/" + std::string{webhook.at("id").as_string()};
  const std::string booked = book(9);
  const auto told = receiver.next("desk", "appointment.created");
  EXPECT_EQ(told.at("data").at("id"), booked.c_str());
  EXPECT_EQ(told.at("verified").at(0), true);

  const auto call = made("/api/calls", {{"assistantId", "test-assistant-123"},
                                        {"phoneNumberId", "test-phone-123"},
                                        {"customer", {{"number", "+447700900000"}}}});
  const std::string id{call.at("id").as_string()};
  EXPECT_EQ(receiver.next("desk", "call.started").at("data").at("id"), id.c_str());
  EXPECT_EQ(http_post_json(server.url("/api/calls/" + id + "/end"), json::object{}).status, 200);
  const auto ended = receiver.next("desk", "call.ended");
  EXPECT_EQ(ended.at("data").at("id"), id.c_str());
  EXPECT_FALSE(ended.at("data").at("endedReason").is_null());
  EXPECT_EQ(ended.at("verified").at(0), true);

  // A new secret; the one before signs too.
  const auto rotated = made(path + "/rotate-secret", json::object{});
  EXPECT_NE(rotated.at("secret"), webhook.at("secret"));
  receiver.set("desk", {{"secrets", {webhook.at("secret"), rotated.at("secret"), "whsec_bm90IHRoaXMgb25l"}}});
  const auto from = receiver.lines();
  made(path + "/deliveries/" + std::string{told.at("id").as_string()} + "/replay", json::object{});
  const auto again = receiver.next("desk", "appointment.created", from);
  EXPECT_EQ(again.at("id"), told.at("id"));
  EXPECT_EQ(again.at("verified"), (json::array{true, true, false}));
}

TEST_F(Webhooks, a_process_killed_between_commit_and_delivery_tells_it_after_its_start) {
  add("desk", {"appointment.created"});
  receiver.set("desk", {{"mode", "hanging"}});
  const std::string booked = book(9);
  const auto first = receiver.next("desk", booked);
  server.process().signal(SIGKILL);
  ASSERT_TRUE(server.process().wait(10s));
  receiver.set("desk", {{"mode", "ok"}});
  const auto from = receiver.lines();
  server.start();
  const auto second = receiver.next("desk", booked, from);
  EXPECT_EQ(second.at("id"), first.at("id"));
  EXPECT_EQ(second.at("verified").at(0), true);
}

TEST_F(Webhooks, an_endpoint_that_is_away_holds_up_nobody_else) {
  const auto dead = add("dead", {"appointment.created"});
  const auto redirecting = add("redirecting", {"appointment.created"});
  const auto endless = add("endless", {"appointment.created"});
  add("desk", {"appointment.created"});
  receiver.set("dead", {{"mode", "hanging"}});
  receiver.set("redirecting", {{"mode", "redirect"}});
  receiver.set("endless", {{"mode", "endless"}});
  std::string last;
  for (int hour = 0; hour < 30; ++hour) last = book(hour);
  EXPECT_EQ(receiver.next("desk", last).at("verified").at(0), true);

  // What did not arrive says so, and nobody followed the redirect.
  const auto one_with = [&](const json::value& webhook, const std::string& error) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    for (;;) {
      const std::string all = json::serialize(deliveries(webhook));
      if (all.find(R"("lastError":")" + error + "\"") != std::string::npos) return true;
      if (std::chrono::steady_clock::now() > until) return ADD_FAILURE() << all.substr(0, 2'000), false;
      std::this_thread::sleep_for(50ms);
    }
  };
  EXPECT_TRUE(one_with(redirecting, "redirect_refused"));
  EXPECT_TRUE(one_with(endless, "response_too_large"));
  EXPECT_EQ(http_get(server.url("/health/ready")).status, 200);

  // The operator sees it: some are taken, some are not, and the dead one's wait (counted now and then).
  const auto shows = [&](const std::string& series) {
    return std::regex_search(http_get(server.url("/metrics")).body, std::regex{"\n" + series + " [1-9]"});
  };
  EXPECT_TRUE(shows(R"(voxanne_webhook_attempts_total\{outcome="taken"\})"));
  EXPECT_TRUE(shows(R"(voxanne_webhook_attempts_total\{outcome="not_taken"\})"));
  const auto until = std::chrono::steady_clock::now() + 30s;
  bool waits = false;
  while (!(waits = shows(R"(voxanne_queue_depth\{queue="webhooks"\})")) &&
         std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(200ms);
  EXPECT_TRUE(waits);
}

TEST(WebhookTargets, without_leave_nothing_inside_can_be_named) {
  Server server;
  for (const char* url : {"http://127.0.0.1/", "https://127.0.0.1/", "https://[::1]/", "https://localhost/",
                          "https://10.0.0.1/", "https://169.254.169.254/latest", "http://example.com/",
                          "https://[::ffff:127.0.0.1]/"}) {
    const auto answer =
        http_post_json(server.url("/api/webhooks"), {{"url", url}, {"events", {"call.ended"}}});
    EXPECT_EQ(answer.status, 422) << url << ' ' << answer.body;
    EXPECT_EQ(answer.json().at("code"), "target_not_allowed") << url;
  }
}

}  // namespace
}  // namespace voxanne::test
