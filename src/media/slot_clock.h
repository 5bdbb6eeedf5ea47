// Counts the 20 ms slots of one leg against the shard's ticks: drift-free, one slot per 20 ms on
// average whatever the ticks do. After a stall it catches up two slots a tick; what is more than a
// second behind is given up and reported, so that a machine that slept does not play an old call.
#pragma once

#include "audio/frame.h"
#include "base/time.h"

#include <algorithm>

namespace voxanne::media {

class SlotClock {
 public:
  // `phase` (any number) spreads legs that start together over the four ticks of a slot.
  SlotClock(SteadyTime now, std::size_t phase) : next_(now + milliseconds{5} * static_cast<int>(phase % 4)) {}

  struct Due {
    int slots = 0;    // to be done now: 0, 1 or 2
    int skipped = 0;  // given up
  };

  Due due(SteadyTime now) {
    Due due;
    if (now < next_) return due;
    constexpr auto slot = milliseconds{audio::frame_ms};
    const auto behind = (now - next_) / slot;
    if (behind > 50) {
      due.skipped = static_cast<int>(behind);
      next_ += slot * behind;
    }
    due.slots = now >= next_ + slot ? 2 : 1;
    next_ += slot * due.slots;
    return due;
  }

 private:
  SteadyTime next_;
};

}  // namespace voxanne::media
