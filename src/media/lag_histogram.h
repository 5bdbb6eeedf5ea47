// How late something was, over the last one to two windows of a fixed number of values. One writer,
// any number of readers; no locks.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace voxanne::media {

class LagHistogram {
 public:
  using Lag = std::chrono::microseconds;

  explicit LagHistogram(std::uint32_t window) : window_(window) {}

  void add(Lag lag);
  // The upper edge of the bucket that holds the quantile (0–1): at most an eighth too high.
  Lag quantile(double q) const;
  Lag worst() const;

 private:
  // Eight buckets an octave from 8 µs up to 67 s; the first eight hold single microseconds.
  static constexpr std::size_t buckets = 8 * 24;
  struct Window {
    std::array<std::atomic<std::uint32_t>, buckets> count{};
    std::atomic<std::int64_t> worst{0};
  };

  const std::uint32_t window_;
  std::uint32_t added_ = 0;
  std::atomic<unsigned> current_{0};
  std::array<Window, 2> windows_;
};

}  // namespace voxanne::media
