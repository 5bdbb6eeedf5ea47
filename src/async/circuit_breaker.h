// A circuit breaker: after `threshold` failures in a row it opens and refuses for `pause`; then one
// trial call is let through (half-open), whose outcome closes it or opens it again for a pause
// twice as long, up to `max_pause`. One loop; the caller passes the time.
#pragma once

#include "base/time.h"

#include <algorithm>
#include <atomic>

namespace voxanne::async {

class CircuitBreaker {
 public:
  enum class State { closed, open, half_open };
  struct Options {
    int threshold = 3;
    milliseconds pause{2'000};
    milliseconds max_pause{60'000};
  };

  CircuitBreaker() : CircuitBreaker(Options{}) {}
  explicit CircuitBreaker(Options options) : options_(options), pause_(options.pause) {}

  // True when a call may be made now; in half-open state, for one caller only.
  [[nodiscard]] bool allow(SteadyTime now) {
    if (state_ == State::closed) return true;
    if (state_ == State::half_open || now < open_until_) return false;
    state_ = State::half_open;
    return true;
  }
  void success() {
    state_ = State::closed;
    failures_ = 0;
    pause_ = options_.pause;
  }
  // A provider's own Retry-After, where it gave one, is the least pause.
  void failure(SteadyTime now, milliseconds retry_after = milliseconds{0}) {
    if (state_ == State::half_open) pause_ = std::min(pause_ * 2, options_.max_pause);
    if (state_ == State::half_open || ++failures_ >= options_.threshold || retry_after.count() > 0) {
      state_ = State::open;
      open_until_ = now + std::max(pause_, retry_after);
    }
  }
  // The trial ended without a verdict (it was cancelled): let another one try.
  void abandoned(SteadyTime now) {
    if (state_ != State::half_open) return;
    state_ = State::open;
    open_until_ = now;
  }
  State state() const noexcept { return state_; }  // any thread

 private:
  Options options_;
  std::atomic<State> state_ = State::closed;
  int failures_ = 0;
  milliseconds pause_;
  SteadyTime open_until_{};
};

}  // namespace voxanne::async
