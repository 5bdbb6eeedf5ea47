// Sine tones: the keypad's pairs (ITU-T Q.23) for far ends that take digits in the audio only, and
// test signals.
#pragma once

#include "audio/frame.h"

#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace voxanne::audio {

// The sum of up to two sines, continuous from one fill() to the next.
class Tone {
 public:
  // Frequencies in hertz (0: none); the level of each is in dB relative to a full-scale sine.
  Tone(int rate, double first_hz, double second_hz = 0, double level_db = -9);
  void fill(std::span<Sample> out);

 private:
  struct Sine {
    double re = 0, im = 0;            // im is the next sample
    double step_re = 1, step_im = 0;  // one sample's turn
  };
  Sine sines_[2];
};

// Row and column frequency of 0-9 * # A-D (and a-d).
std::optional<std::pair<double, double>> dtmf_frequencies(char digit);

std::vector<Sample> tone(int rate, double hz, int ms, double level_db = -9);

}  // namespace voxanne::audio
