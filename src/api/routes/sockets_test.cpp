// Who may open a socket and how often: as the router has it for requests. What is said over it is
// page_test's, and the hub's and the gateway's own.
#include "api/routes/test_world.h"
#include "support/raw_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using test::RawClient;
using testing::HasSubstr;

constexpr const char* web_call = "/ws/web-call?assistantId=asst_1";
constexpr const char* test_call = "/ws/web-call?assistantId=asst_1&isTest=true";
constexpr const char* live_calls = "/ws/live-calls";

class Sockets : public testing::Test {
 protected:
  static std::string subscribe(const std::string& token) {
    return token.empty() ? R"({"type":"subscribe"})" : R"({"type":"subscribe","token":")" + token + "\"}";
  }
  // By the upgrade's Authorization.
  static test::RawResponse open(World& world, const char* target, const std::string& token) {
    return RawClient{world.port()}.open_websocket(target, "Authorization: Bearer " + token + "\r\n");
  }
  // By the first message: what it is answered.
  static test::RawFrame enter(World& world, const char* target, const std::string& token) {
    RawClient client{world.port()};
    EXPECT_EQ(client.open_websocket(target).status, 101);
    client.send_frame(1, subscribe(token));
    return client.read_frame();
  }
};

TEST_F(Sockets, who_may_not_place_a_call_may_not_begin_one_in_the_browser_either) {
  World world;
  const auto viewer = world.token("demo", Role::viewer), manager = world.token("demo", Role::manager);
  for (const char* target : {web_call, test_call}) {
    const auto refused = open(world, target, viewer);
    EXPECT_EQ(refused.status, 403) << target;
    EXPECT_THAT(refused.body, HasSubstr("role_too_low"));
    const auto closed = enter(world, target, viewer);
    EXPECT_EQ(closed.close_code(), 1008) << target;
    EXPECT_THAT(closed.payload, HasSubstr("role manager"));
    EXPECT_EQ(open(world, target, manager).status, 101) << target;
    EXPECT_THAT(enter(world, target, manager).payload, HasSubstr("subscribed")) << target;
  }
  EXPECT_THAT(enter(world, live_calls, viewer).payload, HasSubstr("subscribed"));
  EXPECT_EQ(world.ask("POST", "/api/calls", "demo", "{}", Role::viewer).status, 403);
}

TEST_F(Sockets, opening_one_counts_as_a_request_of_its_organization) {
  World world;
  world.limit_rate(3);
  for (const char* target : {live_calls, web_call})
    EXPECT_THAT(enter(world, target, world.token("demo")).payload, HasSubstr("subscribed"));
  const auto last = open(world, live_calls, world.token("demo"));
  EXPECT_EQ(last.status, 101);
  const auto refused = open(world, web_call, world.token("demo"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  EXPECT_EQ(refused.headers.at("ratelimit-limit"), "3");
  for (const char* target : {live_calls, web_call}) {
    const auto closed = enter(world, target, world.token("demo"));
    EXPECT_EQ(closed.close_code(), 1013) << target << ": it may try again later";
    EXPECT_THAT(closed.payload, HasSubstr("requests a minute"));
  }
  EXPECT_THAT(enter(world, live_calls, world.token("other")).payload, HasSubstr("subscribed"));
}

TEST_F(Sockets, a_fresh_token_on_an_open_one_is_no_further_request) {
  World world;
  world.limit_rate(2);
  for (const char* target : {live_calls, web_call}) {
    RawClient client{world.port()};
    ASSERT_EQ(client.open_websocket(target).status, 101);
    for (int i = 0; i < 5; ++i) {
      client.send_frame(1, subscribe(world.token("demo")));
      EXPECT_THAT(client.read_frame().payload, HasSubstr("subscribed")) << target << ' ' << i;
    }
  }
  EXPECT_EQ(enter(world, live_calls, world.token("demo")).close_code(), 1013);
}

TEST_F(Sockets, in_development_who_shows_nothing_is_the_demo_s_owner_there_too) {
  World world{true};
  world.limit_rate(3);
  for (const char* target : {live_calls, web_call, test_call})
    EXPECT_THAT(enter(world, target, "").payload, HasSubstr(R"("orgId":"demo")")) << target;
  EXPECT_EQ(enter(world, live_calls, "").close_code(), 1013);
}

}  // namespace
}  // namespace voxanne::api
