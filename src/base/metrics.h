// Counters and histograms that any thread may touch at any time: a relaxed atomic addition each, no
// lock, no allocation, so that a media shard can count. (prometheus-cpp's histogram takes a mutex per
// observation; docs/decisions/0013.) Who owns one registers it with ops::Metrics, which writes them
// all as text.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace voxanne::metrics {

class Counter {
 public:
  void add(std::uint64_t count = 1) noexcept { value_.fetch_add(count, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Values fall into buckets by upper edge, in the metric's unit (seconds). The sum is kept in
// millionths of it.
template <std::size_t Edges>
class Histogram {
 public:
  constexpr explicit Histogram(const std::array<double, Edges>& edges) : edges_(edges) {}

  void observe(double value) noexcept {
    const auto bucket = std::lower_bound(edges_.begin(), edges_.end(), value) - edges_.begin();
    counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(static_cast<std::int64_t>(value * 1e6), std::memory_order_relaxed);
  }

  std::span<const double> edges() const noexcept { return edges_; }
  std::uint64_t count_in(std::size_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  double sum() const noexcept { return double(sum_.load(std::memory_order_relaxed)) / 1e6; }

 private:
  const std::array<double, Edges> edges_;
  std::array<std::atomic<std::uint64_t>, Edges + 1> counts_{};
  std::atomic<std::int64_t> sum_{0};
};

// What a person hears as the house's thinking: tens of milliseconds to the limit of patience.
inline constexpr std::array<double, 14> latency_edges{0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3,
                                                      0.5,   0.7,  1,     1.5,  2.5, 5,   10};
using Latency = Histogram<latency_edges.size()>;

// Ticks and jitter: fractions of a frame.
inline constexpr std::array<double, 12> lag_edges{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.002,
                                                  0.005,   0.01,   0.02,    0.05,   0.1,   1};
using Lag = Histogram<lag_edges.size()>;

}  // namespace voxanne::metrics
