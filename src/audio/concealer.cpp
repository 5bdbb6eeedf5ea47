#include "audio/concealer.h"

#include "audio/pitch.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace voxanne::audio {
namespace {

std::size_t ms(int rate, double time) { return static_cast<std::size_t>(rate * time / 1'000); }

constexpr double shortest_period = 2.5, longest_period = 15, compared = 20;  // ms

// Below this the signal is a consonant or noise: a long period buzzes least.
constexpr float voiced = 0.4f;

}  // namespace

Concealer::Concealer(int rate)
    : fade_begin_(ms(rate, 10)),
      fade_end_(ms(rate, 80)),
      join_(ms(rate, 5)),
      history_(ms(rate, compared + longest_period)) {
  period_.reserve(ms(rate, longest_period));
}

void Concealer::reset() {
  std::fill(history_.begin(), history_.end(), Sample{0});
  concealed_ = 0;
}

void Concealer::heard(std::span<Sample> samples) {
  if (concealed_ > 0) {
    const std::size_t n = std::min(join_, samples.size());
    for (std::size_t i = 0; i < n; ++i) {
      const float real = static_cast<float>(i + 1) / static_cast<float>(n + 1);
      samples[i] = static_cast<Sample>(
          std::lround(static_cast<float>(samples[i]) * real + static_cast<float>(next()) * (1 - real)));
    }
    concealed_ = 0;
  }
  if (samples.size() >= history_.size()) {
    std::copy(samples.end() - static_cast<std::ptrdiff_t>(history_.size()), samples.end(), history_.begin());
  } else {
    const auto kept = std::copy(history_.begin() + static_cast<std::ptrdiff_t>(samples.size()),
                                history_.end(), history_.begin());
    std::copy(samples.begin(), samples.end(), kept);
  }
}

void Concealer::conceal(std::span<Sample> out) {
  if (concealed_ == 0) begin();
  for (auto& sample : out) sample = next();
}

void Concealer::begin() {
  // The search is done at 8 kHz; at twice that rate every other sample does.
  const std::size_t skip = history_.size() > ms(narrowband, compared + longest_period) ? 2 : 1;
  std::array<Sample, 512> coarse;
  const std::size_t n = history_.size() / skip;
  for (std::size_t i = 0; i < n; ++i) coarse[i] = history_[i * skip];
  const auto longest = static_cast<int>(ms(narrowband, longest_period));
  const auto pitch =
      find_pitch({coarse.data(), n}, static_cast<int>(ms(narrowband, shortest_period)), longest);
  const auto period = static_cast<std::size_t>(pitch.periodicity < voiced ? longest : pitch.lag) * skip;

  period_.assign(history_.end() - static_cast<std::ptrdiff_t>(period), history_.end());
  // Its last quarter turns into what came before its first sample, so that the repetition has no seam.
  const std::size_t seam = period / 4;
  const Sample* const before = history_.data() + history_.size() - 2 * period;
  for (std::size_t i = period - seam; i < period; ++i) {
    const float w = static_cast<float>(i - (period - seam) + 1) / static_cast<float>(seam + 1);
    period_[i] = static_cast<Sample>(
        std::lround(static_cast<float>(period_[i]) * (1 - w) + static_cast<float>(before[i]) * w));
  }
  at_ = 0;
  step_ = static_cast<float>(history_.back() - before[period - 1]);
}

Sample Concealer::next() {
  if (concealed_ >= fade_end_) return 0;
  const float gain = concealed_ < fade_begin_ ? 1
                                              : static_cast<float>(fade_end_ - concealed_) /
                                                    static_cast<float>(fade_end_ - fade_begin_);
  ++concealed_;
  step_ *= 0.95f;
  const float sample = gain * (static_cast<float>(period_[at_]) + step_);
  at_ = at_ + 1 == period_.size() ? 0 : at_ + 1;
  return static_cast<Sample>(std::lround(std::clamp(sample, -32'768.0f, 32'767.0f)));
}

}  // namespace voxanne::audio
