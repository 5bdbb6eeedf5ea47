#include "app/caller/server_figures.h"

#include <gtest/gtest.h>

#include <cmath>

namespace voxanne::app {
namespace {

constexpr const char* first = R"(# HELP process_cpu_seconds_total user and system
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
voxanne_calls_capacity 1000
voxanne_calls_active 3
voxanne_recognition_capacity 48
voxanne_recognition_turned_away_total 0
voxanne_media_tick_lag_seconds_bucket{shard="media0",le="0.001"} 90
voxanne_media_tick_lag_seconds_bucket{shard="media0",le="0.005"} 90
voxanne_media_tick_lag_seconds_bucket{shard="media0",le="+Inf"} 100
voxanne_media_tick_lag_seconds_bucket{shard="media1",le="0.001"} 100
voxanne_media_tick_lag_seconds_bucket{shard="media1",le="0.005"} 100
voxanne_media_tick_lag_seconds_bucket{shard="media1",le="+Inf"} 100
)";
constexpr const char* second = R"(process_cpu_seconds_total 4
voxanne_recognition_turned_away_total 7
voxanne_media_tick_lag_seconds_bucket{shard="media0",le="0.001"} 180
voxanne_media_tick_lag_seconds_bucket{shard="media0",le="0.005"} 189
voxanne_media_tick_lag_seconds_bucket{shard="media0",le="+Inf"} 200
voxanne_media_tick_lag_seconds_bucket{shard="media1",le="0.001"} 200
voxanne_media_tick_lag_seconds_bucket{shard="media1",le="0.005"} 200
voxanne_media_tick_lag_seconds_bucket{shard="media1",le="+Inf"} 200)";

TEST(ServerFigures, are_read_from_its_metrics) {
  const auto figures = server_figures(first);
  EXPECT_EQ(figures.cpu_seconds, 1.5);
  EXPECT_EQ(figures.capacity, 1'000);
  EXPECT_EQ(figures.understood, 48);
  EXPECT_EQ(figures.turned_away, 0);
  EXPECT_EQ(server_figures(second).turned_away, 7) << "a last line without an end";
  EXPECT_EQ(server_figures("").capacity, 0);
}

TEST(ServerFigures, tick_lag_is_what_came_between_over_all_shards) {
  const auto before = server_figures(first), after = server_figures(second);
  // Between them 190 of 200 within 1 ms and 199 within 5 ms; the ten of before do not count.
  EXPECT_NEAR(tick_lag(before, after, 0.475), 0.0005, 1e-9);
  EXPECT_NEAR(tick_lag(before, after, 0.95), 0.001, 1e-9);
  EXPECT_NEAR(tick_lag(before, after, 0.99), 0.001 + 0.004 * 8 / 9, 1e-9);
  EXPECT_TRUE(std::isinf(tick_lag(before, after, 0.999)));
  EXPECT_TRUE(std::isinf(tick_lag(after, after, 0.99))) << "none ticked";
  EXPECT_TRUE(std::isinf(tick_lag({}, {}, 0.99))) << "nothing is known";
}

}  // namespace
}  // namespace voxanne::app
