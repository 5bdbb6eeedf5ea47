#include "audio/pitch.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>

namespace voxanne::audio {
namespace {

constexpr std::size_t max_window = 1'024;
constexpr std::size_t max_signal = 2'048;
constexpr std::size_t max_lags = 512;

// Integers on purpose: the compiler turns this into multiply-and-add instructions over eight
// samples, which it may not do with floats.
std::int32_t dot(const Sample* a, const Sample* b, std::size_t n) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

Pitch find_pitch(std::span<const Sample> signal, int min_lag, int max_lag) {
  const auto longest = static_cast<std::size_t>(max_lag), shortest = static_cast<std::size_t>(min_lag);
  assert(min_lag > 0 && min_lag <= max_lag && signal.size() > longest && signal.size() <= max_signal);
  const std::size_t window = signal.size() - longest;
  assert(window <= max_window && longest - shortest < max_lags);

  // Ten bits and a sign, so that 1,024 products fit 32 bits.
  int peak = 0;
  for (const int sample : signal) peak = std::max(peak, std::abs(sample));
  const int shift = std::max(0, static_cast<int>(std::bit_width(static_cast<unsigned>(peak))) - 10);
  std::array<Sample, max_signal> scaled;
  for (std::size_t i = 0; i < signal.size(); ++i) scaled[i] = static_cast<Sample>(signal[i] >> shift);

  const Sample* const end = scaled.data() + longest;
  const auto energy = static_cast<float>(dot(end, end, window));
  const Sample* earlier = end - shortest;
  std::int32_t earlier_energy = dot(earlier, earlier, window);
  std::array<float, max_lags> fit;
  float best = 0;
  for (std::size_t lag = shortest; lag <= longest; ++lag, --earlier) {
    if (lag != shortest) earlier_energy += earlier[0] * earlier[0] - earlier[window] * earlier[window];
    const auto cross = static_cast<float>(dot(end, earlier, window));
    // Some energy is added so that near-silence is not periodic by its quantization.
    const float norm = std::sqrt((energy + 64) * (static_cast<float>(earlier_energy) + 64));
    fit[lag - shortest] = cross / norm;
    best = std::max(best, cross / norm);
  }
  if (best <= 0) return {max_lag, 0};
  std::size_t chosen = 0;
  while (fit[chosen] < 0.9f * best) ++chosen;
  while (chosen + shortest < longest && fit[chosen + 1] > fit[chosen]) ++chosen;
  return {static_cast<int>(chosen + shortest), std::min(1.0f, fit[chosen])};
}

}  // namespace voxanne::audio
