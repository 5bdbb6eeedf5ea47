// Lets somebody else see both directions of an exchange: the recorder, a listener-in. The tap sees
// `heard` and what the inner exchange answered, in one call, so the two stay aligned.
//
// Owner: the call; the inner exchange and the tap outlive it. Executor: the media shard.
#pragma once

#include "media/exchange.h"

namespace voxanne::media {

class Tap {
 public:
  virtual ~Tap() = default;
  // As Exchange::exchange(): no blocking, no allocation in the steady state. `said.kind` tells
  // whether the house spoke.
  virtual void on_frames(const audio::Frame& heard, const audio::Frame& said) = 0;
  virtual void on_skipped(int slots) = 0;  // Exchange::skip()
};

class Tee final : public Exchange {
 public:
  Tee(Exchange& inner, Tap& tap) : inner_(inner), tap_(tap) {}

  void exchange(const audio::Frame& heard, audio::Frame& said) override {
    inner_.exchange(heard, said);
    tap_.on_frames(heard, said);
  }
  void skip(int slots) override {
    inner_.skip(slots);
    tap_.on_skipped(slots);
  }

 private:
  Exchange& inner_;
  Tap& tap_;
};

}  // namespace voxanne::media
