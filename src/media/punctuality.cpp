#include "media/punctuality.h"

namespace voxanne::media {
namespace {

constexpr double frame_seconds = 0.02;
constexpr std::uint64_t one_in = 20;

}  // namespace

bool Punctuality::in_time(const Shard& shard) {
  const auto& lags = shard.lags();
  const std::uint64_t missed = shard.tick_lag().missed;
  std::uint64_t due = missed, late = missed;
  for (std::size_t i = 0; i <= lags.edges().size(); ++i) {
    const std::uint64_t count = lags.count_in(i);
    due += count;
    if (i > 0 && lags.edges()[i - 1] >= frame_seconds) late += count;
  }
  return in_time(due, late);
}

bool Punctuality::in_time(std::uint64_t due, std::uint64_t late) {
  const std::uint64_t now_due = due - due_, now_late = late - late_;
  due_ = due;
  late_ = late;
  // A shard that does not tick at all has none that are late.
  const bool now = now_due > 0 && now_late * one_in <= now_due;
  if (now == last_) in_time_ = now;
  last_ = now;
  return in_time_;
}

}  // namespace voxanne::media
