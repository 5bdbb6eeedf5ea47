// A caller who takes turns: says each clip once the far end has spoken and fallen silent, keeps what
// was heard, and is done when the last clip was answered. What `voxanne call`, `voxanne demo` and
// the flows play through any leg.
//
//   wait for the far end to speak and pause ──▶ say clip 1 ──▶ wait … ──▶ say clip n ──▶ wait ──▶ done
//
// A rude one interrupts: it says its later clips over the far end.
//
// An Exchange like any other: one slot of 20 ms per call, at the leg's rate (clips are given at it).
// Time is counted in slots, so it runs as well on a virtual clock. One thread.
#pragma once

#include "base/time.h"
#include "media/exchange.h"

#include <cstddef>
#include <span>
#include <vector>

namespace voxanne::app {

// Telephone silence and comfort noise are not; synthesized and recorded speech is.
bool audible(std::span<const audio::Sample> samples);

// What a caller does until it is done.
class Talker : public media::Exchange {
 public:
  virtual bool done() const noexcept = 0;
};

class Script final : public Talker {
 public:
  using Clip = std::vector<audio::Sample>;
  struct Options {
    // 0: polite. Else clips but the first are said over the far end, so long after it began to speak.
    milliseconds interrupt_after{0};
    milliseconds pause{900};       // silence after which the far end is taken to have finished
    milliseconds patience{8'000};  // and how long it may keep silent before the next clip is said anyway
    milliseconds limit{120'000};   // then done, whatever happens
  };

  Script(std::vector<Clip> clips, int rate) : Script(std::move(clips), rate, Options{}) {}
  Script(std::vector<Clip> clips, int rate, Options options);

  void exchange(const audio::Frame& heard, audio::Frame& said) override;
  void skip(int slots) override;

  bool done() const noexcept override { return done_; }
  const Clip& heard() const noexcept { return heard_; }
  const Clip& said() const noexcept { return said_; }  // as long as heard()
  int rate() const noexcept { return rate_; }

 private:
  std::vector<Clip> clips_;
  int rate_;
  Options options_;
  Clip heard_, said_;
  std::size_t clip_ = 0;  // the next one to say
  std::size_t at_ = 0;    // samples said of the current one
  bool saying_ = false, spoken_ = false, done_ = false;
  milliseconds quiet_{0}, elapsed_{0}, since_spoken_{0};
};

}  // namespace voxanne::app
