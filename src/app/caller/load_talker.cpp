#include "app/caller/load_talker.h"

#include <algorithm>
#include <utility>

namespace voxanne::app {
namespace {

constexpr milliseconds slot{audio::frame_ms};

}  // namespace

LoadTalker::LoadTalker(std::shared_ptr<const Script::Clip> clip, Options options)
    : clip_(std::move(clip)), options_(options) {}

void LoadTalker::exchange(const audio::Frame& heard, audio::Frame& said) {
  elapsed_ += slot;
  const bool sound = heard.kind != audio::Frame::Kind::silence && audible(heard.samples());
  if (sound) {
    heard_for_ += slot;
    quiet_ = milliseconds{0};
    spoken_ = true;
    if (awaiting_) answers_.push_back(waited_);
    awaiting_ = false;
  } else {
    quiet_ += slot;
    waited_ += slot;
  }
  if (!saying_ && quiet_ >= (spoken_ ? options_.pause : options_.patience)) {
    saying_ = true;
    if (std::exchange(awaiting_, false)) ++unanswered_;
    at_ = 0;
  }
  if (!saying_) return;
  auto out = said.samples();
  const std::size_t count = std::min(out.size(), clip_->size() - at_);
  std::copy_n(clip_->begin() + std::ptrdiff_t(at_), count, out.begin());
  said.kind = audio::Frame::Kind::voice;
  at_ += count;
  if (at_ < clip_->size()) return;
  saying_ = spoken_ = false;
  awaiting_ = true;
  quiet_ = waited_ = milliseconds{0};
}

void LoadTalker::skip(int slots) {
  elapsed_ += slots * slot;
  waited_ += slots * slot;
}

}  // namespace voxanne::app
