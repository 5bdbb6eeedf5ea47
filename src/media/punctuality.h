// Whether a shard's ticks come in time, for health: judged about once a second from its counts since
// start. Over a twentieth of the ticks due since the last look more than a frame late, twice in a row,
// is too late; twice in a row well is well again. So a single stall is no outage, and stuttering sound
// shows within three seconds, as does its end.
//
//   Punctuality punctuality;
//   if (!punctuality.in_time(shard)) …   // the calls of this shard stutter
//
// Owner: whoever looks, on one loop.
#pragma once

#include "media/shard.h"

namespace voxanne::media {

class Punctuality {
 public:
  bool in_time(const Shard& shard);
  // The same from counts: ticks that were due since start, skipped ones included, and those of them that
  // came more than a frame late or never.
  bool in_time(std::uint64_t due, std::uint64_t late);

 private:
  std::uint64_t due_ = 0, late_ = 0;
  bool in_time_ = true, last_ = true;
};

}  // namespace voxanne::media
