// Voice activity: is somebody speaking in this 20 ms frame? Two stages, because a server looks at
// a thousand lines and most of them are quiet: the level against an adaptive floor for every frame,
// and only for frames above it whether they are periodic as a voice is.
//
//   onset   four voiced frames in close succession; a frame is voiced when it is periodic but not
//           still the same 60 ms later, as hum and tones are
//   speech  goes on while the level is above the floor and some of it is voiced
//   offset  after a hangover of 240 ms, so that consonants and short pauses do not cut a word
//
// Noise that is stationary, of whatever colour and level, hum and call progress tones do not start
// it. Other voices in the room do: who needs to tell them apart asks for duration and recognized
// words. An onset comes 80–140 ms after a word begins, later where it begins unvoiced. Costs 0.5 µs a frame
// below the floor and about 1.5 µs above it.
//
// One detector per line, fed every frame in order; 8 or 16 kHz. No allocation.
#pragma once

#include "audio/frame.h"

#include <array>
#include <cstdint>

namespace voxanne::audio {

class ActivityDetector {
 public:
  enum class Edge : std::uint8_t { none, onset, offset };

  struct Activity {
    bool speech = false;
    Edge edge = Edge::none;
    // At an onset: how many frames before this one the first voiced one was, typically 3 to 5;
    // after it, up to the offset: how many frames ago the last one with speech was (0: this one).
    int frames_ago = 0;
    float level_db = -100;  // relative to full scale, without what is below 180 Hz
    float floor_db = -100;  // of the noise
  };

  ActivityDetector();

  // Frames that are not the far end's own (concealed, silence) never start speech and teach
  // nothing.
  Activity process(const Frame& frame);

 private:
  void filter(const Frame& frame);
  void track_floor();
  bool is_voiced();

  // High-pass (second order, 180 Hz) and the signal it leaves at 4 kHz: 90 ms, the newest last.
  float z1_ = 0, z2_ = 0, previous_ = 0;
  std::array<Sample, 360> history_{};

  float level_db_ = -100;
  float smooth_power_ = 0;
  // The floor is the least smoothed level of the last two seconds, kept as a minimum per 260 ms.
  std::array<float, 8> minima_db_;
  std::size_t minimum_ = 0;
  int frames_in_minimum_ = 0, frames_ = 0;
  float floor_db_;

  std::array<int, 4> voiced_;  // how many frames ago, the latest first
  bool speech_ = false;
  int quiet_frames_ = 0;  // since the last that counted as speech
};

}  // namespace voxanne::audio
