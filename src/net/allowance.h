// Lets `per_second` through on average and `burst` at once: for what one connection may send. A value of
// whoever holds the connection, on its loop.
#pragma once

#include "base/time.h"

#include <algorithm>

namespace voxanne::net {

class Allowance {
 public:
  Allowance(double per_second, double burst) : per_second_(per_second), burst_(burst), left_(burst) {}

  bool take(SteadyTime now) {
    if (last_ != SteadyTime{})
      left_ = std::min(burst_, left_ + std::chrono::duration<double>(now - last_).count() * per_second_);
    last_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  double per_second_, burst_, left_;
  SteadyTime last_{};
};

// Control messages of a WebSocket: nobody has more to say than this, be it a page that catches up.
inline Allowance controls_allowed() { return {20, 40}; }

}  // namespace voxanne::net
