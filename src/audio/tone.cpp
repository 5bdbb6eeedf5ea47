#include "audio/tone.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace voxanne::audio {

Tone::Tone(int rate, double first_hz, double second_hz, double level_db) {
  const double amplitude = 32'767 * std::pow(10, level_db / 20);
  const double hz[2] = {first_hz, second_hz};
  for (int i = 0; i < 2; ++i) {
    if (hz[i] <= 0) continue;
    const double turn = 2 * std::numbers::pi * hz[i] / rate;
    sines_[i] = {.re = amplitude, .im = 0, .step_re = std::cos(turn), .step_im = std::sin(turn)};
  }
}

void Tone::fill(std::span<Sample> out) {
  for (auto& sample : out) {
    double sum = 0;
    for (auto& sine : sines_) {
      sum += sine.im;
      const double re = sine.re * sine.step_re - sine.im * sine.step_im;
      sine.im = sine.re * sine.step_im + sine.im * sine.step_re;
      sine.re = re;
    }
    sample = static_cast<Sample>(std::clamp(std::lround(sum), -32'768L, 32'767L));
  }
}

std::optional<std::pair<double, double>> dtmf_frequencies(char digit) {
  constexpr std::string_view keys = "123A456B789C*0#D";
  constexpr double rows[] = {697, 770, 852, 941}, columns[] = {1209, 1336, 1477, 1633};
  const auto at = keys.find(digit >= 'a' && digit <= 'd' ? static_cast<char>(digit - 'a' + 'A') : digit);
  if (at == keys.npos) return std::nullopt;
  return std::pair{rows[at / 4], columns[at % 4]};
}

std::vector<Sample> tone(int rate, double hz, int ms, double level_db) {
  std::vector<Sample> samples(static_cast<std::size_t>(rate) * static_cast<std::size_t>(ms) / 1'000);
  Tone{rate, hz, 0, level_db}.fill(samples);
  return samples;
}

}  // namespace voxanne::audio
