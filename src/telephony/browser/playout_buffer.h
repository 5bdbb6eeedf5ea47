// The caller's frames between the network, which delivers in bursts, and the slots of the call,
// which come every 20 ms. TCP loses nothing, so there is no sequence to restore: only waiting to
// begin, filling a gap, and giving up what has piled up (a burst after a stall, a fast clock, a
// client that sends faster than real time).
//
//   pop():  60 ms in hand → voice, voice, …  gap → one fading frame → silence until 60 ms in hand
//
// One thread. Never holds more than 300 ms.
#pragma once

#include "audio/frame.h"

#include <cstdint>
#include <deque>

namespace voxanne::telephony::browser {

class PlayoutBuffer {
 public:
  static constexpr std::size_t in_hand = 3;  // frames before playing begins
  static constexpr std::size_t capacity = 15;

  void push(const audio::Frame& frame);
  // The next slot's frame.
  audio::Frame pop();

  std::size_t size() const noexcept { return frames_.size(); }
  std::uint64_t dropped() const noexcept { return dropped_; }
  std::uint64_t concealed() const noexcept { return concealed_; }

 private:
  void trim();

  std::deque<audio::Frame> frames_;
  audio::Frame last_;
  bool playing_ = false;
  std::size_t least_ = capacity;  // fewest frames in hand within the window
  int window_ = 0;
  std::uint64_t dropped_ = 0, concealed_ = 0;
};

}  // namespace voxanne::telephony::browser
