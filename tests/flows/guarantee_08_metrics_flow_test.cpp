// Guarantee 8, /metrics: who may read it, what a call and a request leave in it, and that every metric
// that the dashboard and the alert rules in packaging/ name is there.
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <fstream>
#include <regex>
#include <set>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr const char* operator_token = "operator-token-for-the-flow-test";

// The value of a series, by its line's beginning.
double value_of(const std::string& text, const std::string& series) {
  const auto at = text.find("\n" + series + " ");
  if (at == std::string::npos) return -1;
  return std::stod(text.substr(at + series.size() + 2));
}

std::string file(const std::string& path) {
  std::ifstream in{std::filesystem::path{VOXANNE_SOURCE_DIR} / path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

TEST(MetricsAccess, is_for_this_machine_and_the_operator) {
  Server server{{{"OPERATOR_TOKEN", operator_token}}};
  const auto url = server.url("/metrics");
  const auto local = http_get(url);
  EXPECT_EQ(local.status, 200);
  EXPECT_THAT(local.headers.at("content-type"), HasSubstr("version=0.0.4"));
  // A loopback peer that forwards is the outside.
  EXPECT_EQ(http_get(url, {"X-Forwarded-For: 203.0.113.7"}).status, 401);
  EXPECT_EQ(http_get(url, {"Forwarded: for=203.0.113.7"}).status, 401);
  const std::string bearer = std::string{"Authorization: Bearer "} + operator_token;
  EXPECT_EQ(http_get(url, {"X-Forwarded-For: 203.0.113.7", bearer}).status, 200);
  EXPECT_EQ(http_get(url, {bearer}).status, 200);
  EXPECT_EQ(http_get(url, {"Authorization: Bearer wrong"}).status, 401)
      << "a wrong token is wrong from here, too";
}

TEST(Metrics, show_calls_requests_and_the_machine_and_name_no_organization) {
  Server server;
  Live live{server.ws_url("/ws/live-calls")};
  const auto placed = http_post_json(
      server.url("/api/calls"),
      json::parse(
          R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123","customer":{"number":"+447700900123"}})"));
  ASSERT_EQ(placed.status, 200);
  ASSERT_TRUE(live.wait_for_type("call.ended", seconds{60}));
  http_get(server.url("/api/calls/no-such-call"));
  http_get(server.url("/nowhere"));
  const auto text = http_get(server.url("/metrics")).body;
  EXPECT_EQ(value_of(text, R"(voxanne_http_requests_total{method="POST",route="/api/calls",status="200"})"),
            1);
  EXPECT_EQ(
      value_of(text, R"(voxanne_http_requests_total{method="GET",route="/api/calls/:callId",status="404"})"),
      1);
  EXPECT_EQ(value_of(text, R"(voxanne_http_requests_total{method="",route="unknown",status="404"})"), 1);
  EXPECT_EQ(value_of(text, R"(voxanne_calls_ended_total{direction="outbound",fault="nobody"})"), 1);
  EXPECT_GT(value_of(text, R"(voxanne_turn_latency_seconds_count{part="first_audio"})"), 0);
  EXPECT_GT(value_of(text, R"(voxanne_media_tick_lag_seconds_count{shard="media0"})"), 100);
  EXPECT_EQ(value_of(text, "voxanne_websocket_clients"), 1);
  EXPECT_EQ(value_of(text, "voxanne_live_listeners"), 1);
  EXPECT_EQ(value_of(text, R"(voxanne_service_up{service="media"})"), 1);
  EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value_of(text, "process_cpu_seconds_total"), 0);
  for (const char* personal : {"\"demo", "7700", "call_0", "org_", "orgId"})
    EXPECT_THAT(text, Not(HasSubstr(personal)));
}

TEST(Metrics, all_that_the_dashboard_and_the_alerts_name_exist) {
  Server server;
  const auto text = http_get(server.url("/metrics")).body;
  for (const char* path : {"packaging/grafana/voxanne.json", "packaging/prometheus/alerts.yml"}) {
    const auto content = file(path);
    ASSERT_FALSE(content.empty()) << path;
    if (std::string_view{path}.ends_with(".json")) EXPECT_NO_THROW(json::parse(content));
    std::set<std::string> named;
    const std::regex metric{R"(\b(?:voxanne|process)_[a-z0-9_]+)"};
    for (std::sregex_iterator at{content.begin(), content.end(), metric}, end; at != end; ++at) {
      std::string name = at->str();
      for (const std::string suffix : {"_bucket", "_sum", "_count"})
        if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
      named.insert(name);
    }
    EXPECT_GE(named.size(), 10u) << path;
    for (const auto& name : named)
      EXPECT_THAT(text, HasSubstr("# TYPE " + name + " ")) << path << " names what is not there";
  }
}

}  // namespace
}  // namespace voxanne::test
