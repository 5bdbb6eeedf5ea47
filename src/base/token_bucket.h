// A token bucket: `rate` a second on average, `burst` at once. A value of one thread or loop; the caller
// passes time.
#pragma once

#include "base/time.h"

#include <algorithm>

namespace voxanne {

class TokenBucket {
 public:
  TokenBucket(double rate, double burst) : rate_(rate), burst_(burst), tokens_(burst) {}

  [[nodiscard]] bool take(SteadyTime now) {
    if (now > last_) {
      tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - last_).count());
      last_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double rate_, burst_, tokens_;
  SteadyTime last_{};
};

}  // namespace voxanne
