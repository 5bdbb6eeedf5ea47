// What is served without a token: the page, its files and health; and the live events' handshake.
#include "api/routes/test_world.h"
#include "support/raw_client.h"
#include "web/assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace json = boost::json;

TEST(Page, is_served_with_a_strict_policy_and_nothing_inline) {
  World world;
  const auto page = test::http_get(world.url("/"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr("script-src 'self'"));
  EXPECT_THAT(page.headers.at("content-security-policy"), Not(HasSubstr("unsafe")));
  EXPECT_THAT(page.body, Not(HasSubstr("<script>")));
  EXPECT_THAT(page.body, Not(HasSubstr("style=")));
  EXPECT_THAT(page.body, Not(HasSubstr("onclick")));
}

TEST(Page, every_file_it_asks_for_is_there_and_kept_by_the_browser) {
  World world;
  for (const auto& asset : web::assets()) {
    const std::string path = asset.name == "index.html" ? "/" : "/assets/" + std::string{asset.name};
    const auto first = test::http_get(world.url(path));
    EXPECT_EQ(first.status, 200) << path;
    EXPECT_EQ(first.body, asset.text) << path;
    const auto again = test::http_get(world.url(path), {"If-None-Match: " + first.headers.at("etag")});
    EXPECT_EQ(again.status, 304) << path;
    EXPECT_TRUE(again.body.empty());
    // What a file names, there is.
    for (std::size_t at = 0; (at = asset.text.find("/assets/", at)) != std::string_view::npos;) {
      const auto end = asset.text.find_first_of("'\"", at);
      EXPECT_EQ(test::http_get(world.url(std::string{asset.text.substr(at, end - at)})).status, 200) << path;
      at = end;
    }
  }
  EXPECT_EQ(test::http_get(world.url("/assets/none.js")).status, 404);
  EXPECT_EQ(test::http_get(world.url("/assets/..%2f..%2fetc%2fpasswd")).status, 404);
}

TEST(Page, health_needs_no_token) {
  World world;
  const auto health = world.get("/health", "");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(health.json().at("services").at("database"), true);
  EXPECT_EQ(health.json().at("environment"), "test");
  EXPECT_EQ(world.get("/health/live", "").json().at("live"), true);
  EXPECT_EQ(world.get("/health/ready", "").json().at("ready"), true);
}

class LiveCalls : public testing::Test {
 protected:
  static json::value read(test::RawClient& client) { return json::parse(client.read_frame().payload); }
  void publish(World& world) {
    world.bus().publish({events::EventType::stats_updated, OrgId{"demo"}, {}, "{}", world.clock().utc()});
  }
};

TEST_F(LiveCalls, a_token_in_the_first_message_subscribes) {
  World world;
  test::RawClient client{world.port()};
  ASSERT_EQ(client.open_websocket("/ws/live-calls").status, 101);
  client.send_frame(1, R"({"type":"subscribe","token":")" + world.token("demo") + "\"}");
  EXPECT_EQ(read(client).at("orgId"), "demo");
  publish(world);
  EXPECT_EQ(read(client).at("type"), "stats.updated");
}

TEST_F(LiveCalls, a_token_on_the_upgrade_subscribes_and_resumes) {
  World world;
  publish(world);
  publish(world);
  test::RawClient client{world.port()};
  const std::string authorization = "Authorization: Bearer " + world.token("demo") + "\r\n";
  ASSERT_EQ(
      client.open_websocket("/ws/live-calls?since=1&epoch=" + world.bus().epoch(), authorization).status,
      101);
  EXPECT_EQ(read(client).at("seq"), 2);
  EXPECT_EQ(read(client).at("type"), "stats.updated");
  test::RawClient wrong{world.port()};
  EXPECT_EQ(wrong.open_websocket("/ws/live-calls?since=x", authorization).status, 400);
}

TEST_F(LiveCalls, a_wrong_token_a_missing_one_and_a_foreign_origin_are_refused) {
  World world;
  test::RawClient wrong{world.port()};
  EXPECT_EQ(wrong.open_websocket("/ws/live-calls", "Authorization: Bearer nonsense\r\n").status, 401);
  test::RawClient late{world.port()};
  ASSERT_EQ(late.open_websocket("/ws/live-calls").status, 101);
  late.send_frame(1, R"({"type":"subscribe","token":"nonsense"})");
  EXPECT_EQ(late.read_frame().close_code(), 1008);
  test::RawClient none{world.port()};
  ASSERT_EQ(none.open_websocket("/ws/live-calls").status, 101);
  none.send_frame(1, R"({"type":"subscribe"})");
  EXPECT_EQ(none.read_frame().close_code(), 1008);
  test::RawClient foreign{world.port()};
  EXPECT_EQ(foreign.open_websocket("/ws/live-calls", "Origin: https://evil.example\r\n").status, 403);
}

TEST_F(LiveCalls, in_development_no_token_is_the_demo_organization_but_a_wrong_one_is_not) {
  World world{true};
  test::RawClient none{world.port()};
  ASSERT_EQ(none.open_websocket("/ws/live-calls").status, 101);
  none.send_frame(1, R"({"type":"subscribe"})");
  EXPECT_EQ(read(none).at("orgId"), "demo");
  test::RawClient wrong{world.port()};
  ASSERT_EQ(wrong.open_websocket("/ws/live-calls").status, 101);
  wrong.send_frame(1, R"({"type":"subscribe","token":"nonsense"})");
  EXPECT_EQ(wrong.read_frame().close_code(), 1008);
}

TEST(WebCall, reaches_the_gateway_with_a_token_and_not_without) {
  World world;
  test::RawClient client{world.port()};
  ASSERT_EQ(client.open_websocket("/ws/web-call?assistantId=asst_1").status, 101);
  client.send_frame(1, R"({"type":"subscribe","token":")" + world.token("demo") + "\"}");
  EXPECT_EQ(client.read_frame().payload, R"({"type":"subscribed","orgId":"demo"})");
  client.send_frame(1, R"({"type":"start"})");
  while (client.read_frame().opcode == 1) {
  }
  EXPECT_EQ(world.browser_calls, std::vector<std::string>{"asst_1"});
  test::RawClient without{world.port()};
  ASSERT_EQ(without.open_websocket("/ws/web-call?assistantId=asst_1").status, 101);
  without.send_frame(1, R"({"type":"subscribe"})");
  EXPECT_EQ(without.read_frame().close_code(), 1008);
  test::RawClient nobody{world.port()};
  EXPECT_EQ(
      nobody.open_websocket("/ws/web-call", "Authorization: Bearer " + world.token("demo") + "\r\n").status,
      400);
  test::RawClient foreign{world.port()};
  EXPECT_EQ(foreign.open_websocket("/ws/web-call?assistantId=a", "Origin: https://evil.example\r\n").status,
            403);
}

}  // namespace
}  // namespace voxanne::api
