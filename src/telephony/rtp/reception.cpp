#include "telephony/rtp/reception.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace voxanne::telephony::rtp {
namespace {

constexpr int max_dropout = 3'000, max_misorder = 100;  // RFC 3550 A.1

}  // namespace

void Reception::begin(std::uint32_t ssrc, std::uint16_t sequence) {
  before_received_ += received_;
  before_lost_ += lost_now();
  known_ = true;
  ssrc_ = ssrc;
  // One cycle up, so that a packet reordered before the first does not go below zero.
  base_ = highest_ = 0x10000u + sequence;
  received_ = 0;
  interval_expected_ = interval_received_ = 0;
  leap_.reset();
  transit_.reset();
}

void Reception::on_packet(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp,
                          std::uint32_t arrival, bool timed) {
  if (!known_ || ssrc != ssrc_) begin(ssrc, sequence);
  const int step = static_cast<std::int16_t>(sequence - static_cast<std::uint16_t>(highest_));
  if (step > max_dropout || step < -max_misorder) {
    if (leap_ == sequence) {
      begin(ssrc, sequence);
    } else {
      leap_ = static_cast<std::uint16_t>(sequence + 1);
      return;
    }
  } else if (step > 0) {
    highest_ += static_cast<std::uint32_t>(step);
  }
  ++received_;
  if (!timed) return;
  const std::uint32_t transit = arrival - timestamp;
  if (transit_) {
    // A clock that was set shows as one great difference; it would take the estimate long to forget.
    const auto difference = std::abs(static_cast<double>(static_cast<std::int32_t>(transit - *transit_)));
    if (difference < 8'000) jitter_ += (difference - jitter_) / 16;
  }
  transit_ = transit;
}

std::uint64_t Reception::expected() const { return known_ ? highest_ - base_ + 1u : 0; }

std::uint64_t Reception::lost_now() const {
  const auto all = expected();
  return all > received_ ? all - received_ : 0;  // duplicates count as received
}

Reception::Interval Reception::take_interval() {
  const auto expected_now = expected() - interval_expected_;
  const auto received_now = received_ - interval_received_;
  interval_expected_ = expected();
  interval_received_ = received_;
  Interval interval;
  if (expected_now > received_now)
    interval.fraction_lost = static_cast<std::uint8_t>(
        std::min<std::uint64_t>(255, (expected_now - received_now) * 256 / expected_now));
  interval.cumulative_lost = static_cast<std::int32_t>(std::min<std::uint64_t>(lost_now(), 0x7FFFFF));
  interval.highest_sequence = highest_;
  return interval;
}

}  // namespace voxanne::telephony::rtp
