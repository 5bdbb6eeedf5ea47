// Is what comes from the far end our own voice? Compares the loudness of what is heard with what
// was said up to 0.5 s before. When the two rise and fall together for a while, the line echoes
// with that delay and strength, and sound that is no louder than the echo would be is not the
// caller's. A caller who speaks over the echo is louder than it and passes.
//
// Pure arithmetic on one number per 20 ms slot (about 1 µs); no allocation.
#pragma once

#include "audio/frame.h"

#include <array>
#include <cstddef>

namespace voxanne::conversation {

class EchoGuard {
 public:
  // Once per slot, in this order. `heard` and `said` are of the same slot.
  bool is_echo(const audio::Frame& heard);
  void said(const audio::Frame& frame);

  bool line_echoes() const { return delay_ < longest_delay; }

 private:
  static constexpr std::size_t longest_delay = 26;  // slots, 520 ms

  // Exponentially forgetting sums over the slots in which something was said.
  struct Statistics {
    double weight = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    void add(double said, double heard);
    double correlation() const;
  };

  std::array<double, longest_delay> said_{};  // loudness, the latest first at said_[0]
  std::array<Statistics, longest_delay> by_delay_{};
  std::size_t delay_ = longest_delay;  // none found
  double gain_ = 0;
};

}  // namespace voxanne::conversation
