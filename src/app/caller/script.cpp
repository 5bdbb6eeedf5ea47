#include "app/caller/script.h"

#include <algorithm>
#include <cstdlib>

namespace voxanne::app {
namespace {

// Telephone silence and comfort noise stay below; synthesized and recorded speech is far above.
constexpr int audible_mean = 120;

}  // namespace

bool audible(std::span<const audio::Sample> samples) {
  std::int64_t sum = 0;
  for (const audio::Sample sample : samples) sum += std::abs(int(sample));
  return sum > std::int64_t(samples.size()) * audible_mean;
}

Script::Script(std::vector<Clip> clips, int rate, Options options)
    : clips_(std::move(clips)), rate_(rate), options_(options) {}

void Script::exchange(const audio::Frame& heard, audio::Frame& said) {
  const auto samples = heard.samples();
  heard_.insert(heard_.end(), samples.begin(), samples.end());
  elapsed_ += milliseconds{audio::frame_ms};
  if (heard.kind != audio::Frame::Kind::silence && audible(samples)) {
    spoken_ = true;
    quiet_ = milliseconds{0};
  } else {
    quiet_ += milliseconds{audio::frame_ms};
  }

  since_spoken_ = spoken_ ? since_spoken_ + milliseconds{audio::frame_ms} : milliseconds{0};
  const bool interrupts = options_.interrupt_after.count() > 0 && clip_ > 0 && clip_ < clips_.size() &&
                          since_spoken_ >= options_.interrupt_after;
  const bool our_turn = interrupts || quiet_ >= (spoken_ ? options_.pause : options_.patience);
  if (!saying_ && our_turn) {
    if (clip_ == clips_.size()) {
      done_ = true;
    } else {
      saying_ = true;
      at_ = 0;
    }
  }
  if (elapsed_ >= options_.limit) done_ = true;

  auto out = said.samples();
  if (saying_) {
    const Clip& clip = clips_[clip_];
    const std::size_t count = std::min(out.size(), clip.size() - at_);
    std::copy_n(clip.begin() + std::ptrdiff_t(at_), count, out.begin());
    said.kind = audio::Frame::Kind::voice;
    at_ += count;
    if (at_ == clip.size()) {
      saying_ = false;
      ++clip_;
      spoken_ = false;
      quiet_ = milliseconds{0};
    }
  }
  said_.insert(said_.end(), out.begin(), out.end());
}

void Script::skip(int slots) {
  heard_.resize(heard_.size() + static_cast<std::size_t>(slots) * audio::samples_per_frame(rate_));
  said_.resize(heard_.size());
  elapsed_ += slots * milliseconds{audio::frame_ms};
}

}  // namespace voxanne::app
