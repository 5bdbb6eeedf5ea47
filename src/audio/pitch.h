// How periodic a signal is, and with which period: the normalized cross-correlation of its end with
// what came a lag earlier. Shared by activity detection and concealment.
#pragma once

#include "audio/frame.h"

#include <span>

namespace voxanne::audio {

struct Pitch {
  int lag = 0;            // in samples
  float periodicity = 0;  // 0–1: 1 repeats exactly
};

// Looks at lags from `min_lag` to `max_lag`; the end that is compared is signal.size() - max_lag
// samples long (at most 1,024). Of lags that fit about equally well the shortest is taken, so that
// a multiple of the period does not win.
Pitch find_pitch(std::span<const Sample> signal, int min_lag, int max_lag);

}  // namespace voxanne::audio
