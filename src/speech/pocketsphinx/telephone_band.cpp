#include "speech/pocketsphinx/telephone_band.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace voxanne::speech::pocketsphinx {
namespace {

// The mirrored band's amplitude. With it the two phases of the interpolation differ in gain, which
// is all that folding takes.
constexpr float fold = 0.2F;

audio::Sample clip(float value) { return static_cast<audio::Sample>(std::clamp(value, -32000.0F, 32000.0F)); }

// Windowed sinc at half-sample offsets.
template <std::size_t N>
std::array<float, N> half_band() {
  std::array<float, N> taps{};
  double sum = 0;
  for (std::size_t i = 0; i < N; ++i) {
    const double x = std::numbers::pi * (static_cast<double>(i) - (static_cast<double>(N) - 1) / 2);
    const double window = 0.5 + 0.5 * std::cos(2 * x / static_cast<double>(N));
    taps[i] = static_cast<float>(std::sin(x) / x * window);
    sum += taps[i];
  }
  for (float& tap : taps) tap = static_cast<float>(tap / sum);
  return taps;
}

}  // namespace

void TelephoneBand::widen(std::span<const audio::Sample> in, std::span<audio::Sample> out) {
  static const auto filter = half_band<taps>();
  for (std::size_t i = 0; i < in.size(); ++i) {
    std::shift_left(history_.begin(), history_.end(), 1);
    history_.back() = in[i];
    float between = 0;
    for (std::size_t tap = 0; tap < taps; ++tap) between += filter[tap] * history_[tap];
    out[2 * i] = clip((1 + fold) * history_[taps / 2 - 1]);
    out[2 * i + 1] = clip((1 - fold) * between);
  }
}

}  // namespace voxanne::speech::pocketsphinx
