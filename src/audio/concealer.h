// Concealment of lost audio: the last pitch period before the loss is repeated, fades from 10 ms on
// and is silent after 80 ms; the first samples after the loss are joined by a cross-fade (after the
// idea of ITU-T G.711 Appendix I, without its added delay).
//
//   heard(samples)   what arrived, in order: remembered, and joined when it follows a loss
//   conceal(out)     what did not
//
// Any chunk length; nothing is allocated after construction.
#pragma once

#include "audio/frame.h"

#include <span>
#include <vector>

namespace voxanne::audio {

class Concealer {
 public:
  explicit Concealer(int rate);

  void heard(std::span<Sample> samples);
  void conceal(std::span<Sample> out);

  // The stream before has nothing to do with what follows.
  void reset();

 private:
  void begin();
  Sample next();

  const std::size_t fade_begin_, fade_end_, join_;  // samples
  std::vector<Sample> history_;                     // the newest last
  std::vector<Sample> period_;                      // its capacity is the longest
  std::size_t at_ = 0;                              // in period_
  std::size_t concealed_ = 0;                       // samples since the loss began; 0: none
  float step_ = 0;  // between the last sample heard and the repetition; decays
};

}  // namespace voxanne::audio
