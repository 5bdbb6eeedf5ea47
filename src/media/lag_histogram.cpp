#include "media/lag_histogram.h"

#include <algorithm>
#include <bit>

namespace voxanne::media {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

std::size_t bucket_of(std::uint64_t us, std::size_t buckets) {
  if (us < 8) return us;
  const int octave = std::bit_width(us) - 4;  // 8…15 µs is octave 0
  return std::min<std::size_t>(8 + 8 * octave + ((us >> octave) & 7), buckets - 1);
}

std::int64_t upper_edge(std::size_t bucket) {
  if (bucket < 8) return static_cast<std::int64_t>(bucket);
  const auto octave = (bucket - 8) / 8;
  return static_cast<std::int64_t>(((8 + bucket % 8 + 1) << octave) - 1);
}

}  // namespace

void LagHistogram::add(Lag lag) {
  if (added_++ == window_) {
    added_ = 1;
    const unsigned next = 1 - current_.load(relaxed);
    for (auto& count : windows_[next].count) count.store(0, relaxed);
    windows_[next].worst.store(0, relaxed);
    current_.store(next, relaxed);
  }
  const auto us = std::max<std::int64_t>(0, lag.count());
  auto& window = windows_[current_.load(relaxed)];
  window.count[bucket_of(static_cast<std::uint64_t>(us), buckets)].fetch_add(1, relaxed);
  window.worst.store(std::max(window.worst.load(relaxed), us), relaxed);
}

LagHistogram::Lag LagHistogram::quantile(double q) const {
  std::array<std::uint32_t, buckets> count;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < buckets; ++i)
    total += count[i] = windows_[0].count[i].load(relaxed) + windows_[1].count[i].load(relaxed);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    below += count[i];
    if (below > 0 && static_cast<double>(below) >= q * static_cast<double>(total)) return Lag{upper_edge(i)};
  }
  return Lag{0};
}

LagHistogram::Lag LagHistogram::worst() const {
  return Lag{std::max(windows_[0].worst.load(relaxed), windows_[1].worst.load(relaxed))};
}

}  // namespace voxanne::media
