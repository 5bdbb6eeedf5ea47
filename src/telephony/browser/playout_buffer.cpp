#include "telephony/browser/playout_buffer.h"

namespace voxanne::telephony::browser {

namespace {

constexpr int window_slots =
    100;  // 2 s: longer than a browser's hiccup, shorter than a conversation's patience

// A cut in the middle of speech would click.
audio::Frame fading(audio::Frame frame) {
  const auto samples = frame.samples();
  const auto size = static_cast<int>(samples.size());
  for (int i = 0; i < size; ++i) {
    auto& sample = samples[static_cast<std::size_t>(i)];
    sample = static_cast<audio::Sample>(sample * (size - i) / size);
  }
  frame.kind = audio::Frame::Kind::concealed;
  return frame;
}

}  // namespace

void PlayoutBuffer::push(const audio::Frame& frame) {
  if (frames_.size() == capacity) {
    frames_.pop_front();
    ++dropped_;
  }
  frames_.push_back(frame);
}

audio::Frame PlayoutBuffer::pop() {
  audio::Frame frame;
  frame.rate = audio::wideband;
  if (!playing_ && frames_.size() < in_hand) return frame;
  if (frames_.empty()) {
    playing_ = false;
    ++concealed_;
    return fading(last_);
  }
  playing_ = true;
  trim();
  frame = frames_.front();
  frames_.pop_front();
  last_ = frame;
  return frame;
}

// What is in hand even at the worst moment of two seconds is only delay: one frame of it goes.
void PlayoutBuffer::trim() {
  least_ = std::min(least_, frames_.size());
  if (++window_ < window_slots) return;
  if (least_ > in_hand) {
    frames_.pop_front();
    ++dropped_;
  }
  window_ = 0;
  least_ = capacity;
}

}  // namespace voxanne::telephony::browser
