// Guarantee 8, /metrics: who may read it, what a call and a request leave in it, and that every metric
// that the dashboard and the alert rules in packaging/ name is there.
#include "support/certificate.h"
#include "support/http.h"
#include "support/live.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <algorithm>
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
  EXPECT_EQ(value_of(text, R"(voxanne_service_up{service="media",critical="true"})"), 1);
  EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value_of(text, "process_cpu_seconds_total"), 0);
  for (const char* personal : {"\"demo", "7700", "call_0", "org_", "orgId"})
    EXPECT_THAT(text, Not(HasSubstr(personal)));
}

// What a query names: metrics, and the labels that it filters or groups them by.
void expect_answerable(const std::string& query, const std::string& text, const std::string& where) {
  std::set<std::string> metrics, labels;
  const std::regex metric{R"(\b((?:voxanne|process)_[a-z0-9_]+)(?:\{([^}]*)\})?)"};
  const std::regex matcher{R"re(([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)")re"};
  for (std::sregex_iterator at{query.begin(), query.end(), metric}, end; at != end; ++at) {
    std::string name = at->str(1), series = name;
    for (const std::string suffix : {"_bucket", "_sum", "_count"})
      if (name.ends_with(suffix)) name.resize(name.size() - suffix.size());
    const bool histogram = name != series;
    metrics.insert(series);
    EXPECT_THAT(text, HasSubstr("# TYPE " + name + (histogram ? " histogram\n" : " ")))
        << where << " names what is not there";
    const std::string filters = at->str(2);
    for (std::sregex_iterator filter{filters.begin(), filters.end(), matcher}; filter != end; ++filter) {
      labels.insert(filter->str(1));
      if (filter->str(2) == "=")
        EXPECT_TRUE(std::regex_search(text, std::regex{"\n" + series + R"(\{[^}]*\b)" + filter->str(1) +
                                                       "=\"" + filter->str(3) + "\""}))
            << where << ": no series of " << series << " has " << filter->str();
    }
  }
  const std::regex grouping{R"(\bby\s*\(([^)]*)\))"}, word{"[a-z_]+"};
  for (std::sregex_iterator at{query.begin(), query.end(), grouping}, end; at != end; ++at) {
    const std::string list = at->str(1);
    for (std::sregex_iterator label{list.begin(), list.end(), word}; label != end; ++label)
      labels.insert(label->str());
  }
  for (const auto& label : labels)
    EXPECT_TRUE(std::ranges::any_of(metrics,
                                    [&](const std::string& series) {
                                      return std::regex_search(
                                          text, std::regex{"\n" + series + R"(\{[^}]*\b)" + label + "=\""});
                                    }))
        << where << ": nothing in it has a label " << label << ": " << query;
}

TEST(Metrics, all_that_the_dashboard_and_the_alerts_name_exist) {
  TempDir files;
  const auto until = std::chrono::ceil<seconds>(std::chrono::system_clock::now() + std::chrono::days{30});
  const auto [certificate, key] = make_certificate(files.path(), "served", until);
  Server server{{{"TLS_CERT", certificate.string()}, {"TLS_KEY", key.string()}}};
  const auto ask = [&, trusted = certificate.string()](const std::string& path) {
    const std::string host = "https://localhost:" + std::to_string(server.port());
    return http({.url = host + path, .headers = {}, .body = {}, .trusted = trusted});
  };
  ask("/api/calls/no-such-call");
  const auto text = ask("/metrics").body;
  EXPECT_EQ(value_of(text, "voxanne_tls_certificate_expiry_timestamp_seconds"),
            double(until.time_since_epoch().count()));
  EXPECT_EQ(value_of(text, "voxanne_draining"), 0);
  for (const char* path : {"packaging/grafana/voxanne.json", "packaging/prometheus/alerts.yml"}) {
    const auto content = file(path);
    ASSERT_FALSE(content.empty()) << path;
    std::vector<std::string> queries;
    if (std::string_view{path}.ends_with(".json")) {
      const auto dashboard = json::parse(content);
      for (const auto& panel : dashboard.at("panels").as_array())
        if (const auto* targets = panel.as_object().if_contains("targets"))
          for (const auto& target : targets->as_array()) queries.emplace_back(target.at("expr").as_string());
    } else {
      const std::regex expression{R"(\n\s+expr: ([^\n]+))"};
      for (std::sregex_iterator at{content.begin(), content.end(), expression}, end; at != end; ++at)
        queries.push_back(at->str(1));
    }
    EXPECT_GE(queries.size(), 10u) << path;
    for (const auto& query : queries) expect_answerable(query, text, path);
  }
}

}  // namespace
}  // namespace voxanne::test
