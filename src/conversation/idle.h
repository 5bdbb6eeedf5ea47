// Silence and the clock: when the assistant asks "are you still there?" (twice), when it gives up
// with a goodbye, when it warns that the call's time runs out and when it is over. A pure state
// machine, asked once per slot.
#pragma once

#include "base/time.h"

namespace voxanne::conversation {

class Idle {
 public:
  struct Limits {
    milliseconds prompt_after{7'000};
    int prompts = 2;
    milliseconds max_duration{30 * 60'000};
    milliseconds warn_before{60'000};  // a tenth of max_duration if that is less
  };
  enum class Action { none, prompt, give_up, warn, time_up };

  explicit Idle(Limits limits) : limits_(limits) {}

  // `quiet`: nobody speaks, nothing is being thought about, the call is not on hold. Each action is
  // answered once; time_up whatever is going on.
  Action tick(milliseconds now, bool quiet);
  // The caller did something: all prompts are available again.
  void caller_acted() { prompted_ = 0; }
  // "One moment": the next silence may be so much longer.
  void be_patient(milliseconds longer) { patience_ = longer; }
  int prompted() const { return prompted_; }

 private:
  Limits limits_;
  milliseconds quiet_since_{0}, patience_{0};
  int prompted_ = 0;
  bool was_quiet_ = false, warned_ = false, over_ = false;
};

}  // namespace voxanne::conversation
