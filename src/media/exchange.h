// Audio in time. A leg calls exchange() exactly once per 20 ms slot on its shard, from answer to
// end, whether packets came or not and on hold too: `heard` is what the far end said in this slot,
// `said` is to be filled with what it shall hear (rate is set by the leg; leave it silent when
// there is nothing to say). One call for both directions keeps a stereo recording aligned by
// construction.
//
//   Leg ── exchange ──▶ Tee(recorder) ── exchange ──▶ Conversation
//
// Runs on the media shard: no blocking, no allocation in the steady state, under 20 µs.
#pragma once

#include "audio/frame.h"

namespace voxanne::media {

class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void exchange(const audio::Frame& heard, audio::Frame& said) = 0;
  // Slots that the leg gave up after a stall: time went on without audio. Whoever counts slots as
  // time (a recording, a transcript) counts these too.
  virtual void skip(int slots) { static_cast<void>(slots); }
};

}  // namespace voxanne::media
