#include "ops/metrics.h"
#include "ops/http_metrics.h"
#include "ops/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include <thread>

namespace voxanne::ops {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, the_text_is_what_prometheus_reads) {
  Metrics metrics;
  metrics::Counter packets;
  metrics::Lag lag{metrics::lag_edges};
  metrics.counter("voxanne_packets_total", "packets that came", {{"kind", "voice"}}, packets);
  metrics.gauge("voxanne_calls_active", "calls now", {}, [] { return 3.0; });
  metrics.histogram("voxanne_lag_seconds", "lag", {{"shard", "media0"}}, lag);
  packets.add(7);
  lag.observe(0.0001);  // on an edge: within it
  lag.observe(0.004);
  lag.observe(30);
  const auto text = metrics.text();
  EXPECT_THAT(
      text, HasSubstr("# HELP voxanne_packets_total packets that came\n# TYPE voxanne_packets_total counter\n"
                      "voxanne_packets_total{kind=\"voice\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE voxanne_calls_active gauge\nvoxanne_calls_active 3\n"));
  EXPECT_THAT(text, HasSubstr("voxanne_lag_seconds_count{shard=\"media0\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("voxanne_lag_seconds_bucket{shard=\"media0\",le=\"0.0001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("voxanne_lag_seconds_bucket{shard=\"media0\",le=\"0.005\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("voxanne_lag_seconds_bucket{shard=\"media0\",le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("voxanne_lag_seconds_bucket{shard=\"media0\",le=\"+Inf\"} 3\n"));
  EXPECT_NEAR(lag.sum(), 30.0041, 1e-6);
}

TEST(Metrics, many_threads_count_without_losing_one) {
  metrics::Counter counter;
  metrics::Latency latency{metrics::latency_edges};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 50'000; ++n) {
        counter.add();
        latency.observe(0.02);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 200'000u);
  EXPECT_EQ(latency.count_in(2), 200'000u);
}

TEST(HttpMetrics, requests_are_counted_by_route_and_status_once_there_are_some) {
  Metrics metrics;
  HttpMetrics http{metrics, {{"GET", "/api/calls"}, {"POST", "/api/calls"}}};
  EXPECT_THAT(metrics.text(), Not(HasSubstr("route=")));
  http.seen(0, 200, std::chrono::milliseconds{3});
  http.seen(0, 200, std::chrono::milliseconds{30});
  http.seen(1, 503, std::chrono::milliseconds{1});
  http.seen(99, 404, std::chrono::milliseconds{1});
  http.seen(0, 299, std::chrono::milliseconds{1});
  const auto text = metrics.text();
  EXPECT_THAT(text,
              HasSubstr(R"(voxanne_http_requests_total{method="GET",route="/api/calls",status="200"} 2)"));
  EXPECT_THAT(text,
              HasSubstr(R"(voxanne_http_requests_total{method="GET",route="/api/calls",status="other"} 1)"));
  EXPECT_THAT(text,
              HasSubstr(R"(voxanne_http_requests_total{method="POST",route="/api/calls",status="503"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(voxanne_http_requests_total{method="",route="unknown",status="404"} 1)"));
  EXPECT_THAT(text,
              HasSubstr(R"(voxanne_http_request_duration_seconds_count{method="GET",route="/api/calls"} 3)"));
}

TEST(ProcessMetrics, they_are_this_process_s) {
  Metrics metrics;
  add_process_metrics(metrics);
  while (std::clock() < CLOCKS_PER_SEC / 20) continue;  // the kernel counts in hundredths of a second
  const auto text = metrics.text();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                           "process_max_fds", "process_threads", "process_start_time_seconds"}) {
    const auto at = text.find("\n" + std::string{name} + " ");
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(text.substr(at + std::string{name}.size() + 2)), 0) << name;
  }
  EXPECT_GT(free_bytes("/"), 0);
  EXPECT_EQ(free_bytes("/nowhere/at/all"), -1);
}

}  // namespace
}  // namespace voxanne::ops
