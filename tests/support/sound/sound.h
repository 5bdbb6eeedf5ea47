// Sounds for tests, and how alike two of them are. Recorded speech is that of Debian's
// asterisk-core-sounds-en packages (CC-BY-SA, test-only).
#pragma once

#include "audio/frame.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace voxanne::test {

using Samples = std::vector<audio::Sample>;

// A prompt by its file name without ending: "vm-intro". At 8 kHz from the WAV package, at 16 kHz
// from the G.722 one. Throws when it is not installed.
Samples speech(const std::string& name, int rate = audio::narrowband);
// The names of all prompts, sorted.
std::vector<std::string> speech_names();

// Stationary noise; the level is its RMS relative to full scale. Reproducible by seed.
Samples white_noise(int rate, int ms, double level_db, unsigned seed = 1);
Samples pink_noise(int rate, int ms, double level_db, unsigned seed = 1);
// Mains hum: the frequency and its harmonics, falling by 6 dB an octave.
Samples hum(int rate, int ms, double level_db, double hz = 50);

Samples silence(int rate, int ms);
Samples operator+(Samples first, std::span<const audio::Sample> then);
// Added sample by sample, as long as the first; clipped.
Samples mix(Samples base, std::span<const audio::Sample> added);
Samples scaled(Samples samples, double gain_db);

double level_db(std::span<const audio::Sample> samples);
// Of `got` against `reference`, as long as the shorter.
double snr_db(std::span<const audio::Sample> reference, std::span<const audio::Sample> got);
// The level of one frequency (Goertzel), comparable with level_db() of a sine.
double level_at(std::span<const audio::Sample> samples, int rate, double hz);
// How many samples `got` lags `reference`, by the best correlation over 0…max_lag.
int lag_of(std::span<const audio::Sample> reference, std::span<const audio::Sample> got, int max_lag);

// The samples as 20 ms voice frames; what is left at the end is dropped.
std::vector<audio::Frame> frames(std::span<const audio::Sample> samples, int rate);

}  // namespace voxanne::test
