// Webhooks as their manager meets them: the secret once, what is told listed, what cannot be refused.
#include "store/webhooks.h"
#include "api/routes/test_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

class WebhookRoutes : public testing::Test {
 protected:
  boost::json::value made() {
    const auto answer =
        world.ask("POST", "/api/webhooks", "demo",
                  R"({"url":"https://hooks.example.com/x","events":["call.ended","appointment.created"]})");
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  std::string path_of(const boost::json::value& webhook) {
    return "/api/webhooks/" + std::string{webhook.at("id").as_string()};
  }
  void expect_problem(const test::HttpAnswer& answer, int status, const std::string& code) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(std::string{answer.json().at("code").as_string()}, code) << answer.body;
  }

  World world;
};

TEST_F(WebhookRoutes, a_secret_is_shown_when_it_is_made_and_never_again) {
  const auto webhook = made();
  const std::string secret{webhook.at("secret").as_string()};
  EXPECT_TRUE(secret.starts_with("whsec_"));
  EXPECT_EQ(world.get(path_of(webhook)).body.find(secret), std::string::npos);
  EXPECT_EQ(world.get("/api/webhooks").body.find("whsec_"), std::string::npos);
  const auto rotated = world.ask("POST", path_of(webhook) + "/rotate-secret", "demo", "{}");
  EXPECT_EQ(rotated.status, 200) << rotated.body;
  EXPECT_NE(rotated.json().at("secret"), webhook.at("secret"));
  EXPECT_FALSE(rotated.json().at("previousSecretUntil").is_null());
  const auto at_once =
      world.ask("POST", path_of(webhook) + "/rotate-secret", "demo", R"({"overlapHours":0})");
  EXPECT_TRUE(at_once.json().at("previousSecretUntil").is_null());
  // Nor does the database hold it as it is.
  const auto kept = world.run(store::find_webhook(world.store(), OrgId{"demo"},
                                                  WebhookId{std::string{webhook.at("id").as_string()}}));
  EXPECT_EQ(kept.value()->secret.find("whsec_"), std::string::npos);
}

TEST_F(WebhookRoutes, what_is_booked_is_queued_for_those_that_ask_for_it) {
  const auto webhook = made();
  world.ask("POST", "/api/webhooks", "demo", R"({"url":"https://x.example/","events":["message.taken"]})");
  const auto booked =
      world.ask("POST", "/api/appointments", "demo",
                R"({"staff":"x","startsAt":"2030-05-06T09:00:00Z","endsAt":"2030-05-06T10:00:00Z"})");
  ASSERT_EQ(booked.status, 200);
  const auto told = world.get(path_of(webhook) + "/deliveries").json().at("deliveries").as_array();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told.at(0).at("type"), "appointment.created");
  EXPECT_EQ(told.at(0).at("status"), "queued");
  EXPECT_EQ(told.at(0).at("payload").at("data"), booked.json());
  const std::string replay = path_of(webhook) + "/deliveries/" + std::string{told.at(0).at("id").as_string()};
  EXPECT_EQ(world.ask("POST", replay + "/replay").status, 200);
  expect_problem(world.ask("POST", path_of(webhook) + "/deliveries/evt_none/replay"), 404,
                 "delivery_not_found");
  EXPECT_EQ(world.ask("DELETE", path_of(webhook)).status, 204);
  expect_problem(world.get(path_of(webhook) + "/deliveries"), 404, "webhook_not_found");
}

TEST_F(WebhookRoutes, a_refused_booking_tells_nobody) {
  const auto webhook = made();
  const std::string body =
      R"({"staff":"x","startsAt":"2030-05-06T09:00:00Z","endsAt":"2030-05-06T10:00:00Z"})";
  EXPECT_EQ(world.ask("POST", "/api/appointments", "demo", body).status, 200);
  EXPECT_EQ(world.ask("POST", "/api/appointments", "demo", body).status, 409);
  EXPECT_EQ(world.get(path_of(webhook) + "/deliveries").json().at("deliveries").as_array().size(), 1u);
}

TEST_F(WebhookRoutes, one_that_is_off_is_told_nothing_and_can_be_changed) {
  const auto webhook = made();
  const auto off = world.ask("PATCH", path_of(webhook), "demo",
                             R"({"enabled":false,"description":"later","events":["call.started"]})");
  EXPECT_EQ(off.json().at("enabled"), false);
  EXPECT_EQ(off.json().at("events"), (boost::json::array{"call.started"}));
  world.ask("POST", "/api/appointments", "demo",
            R"({"staff":"x","startsAt":"2030-05-06T09:00:00Z","endsAt":"2030-05-06T10:00:00Z"})");
  EXPECT_EQ(world.get(path_of(webhook) + "/deliveries").json().at("deliveries").as_array().size(), 0u);
}

TEST_F(WebhookRoutes, what_cannot_be_is_refused) {
  const auto refused = [&](const std::string& body, int status, const std::string& code) {
    expect_problem(world.ask("POST", "/api/webhooks", "demo", body), status, code);
  };
  refused(R"({"url":"ftp://x.example/","events":["call.ended"]})", 400, "bad_url");
  refused(R"({"url":"https://u:p@x.example/","events":["call.ended"]})", 400, "bad_url");
  refused(R"({"url":"https://10.0.0.1/","events":["call.ended"]})", 422, "target_not_allowed");
  refused(R"({"url":"https://x.example/","events":[]})", 400, "invalid_field");
  refused(R"({"url":"https://x.example/","events":["call.melted"]})", 400, "invalid_field");
  refused(R"({"url":"https://x.example/"})", 400, "invalid_field");
  for (int i = 0; i < store::Webhook::max_per_organization; ++i) made();
  refused(R"({"url":"https://x.example/","events":["call.ended"]})", 409, "too_many_webhooks");
  EXPECT_EQ(world.ask("GET", "/api/webhooks", "demo", "", Role::viewer).status, 403);
}

}  // namespace
}  // namespace voxanne::api
