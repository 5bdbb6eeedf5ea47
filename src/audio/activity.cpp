#include "audio/activity.h"

#include "audio/pitch.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace voxanne::audio {
namespace {

// At 8 kHz: second-order Butterworth high-pass at 180 Hz. Mains hum is 19 dB and more down.
constexpr float b0 = 0.904859f, b1 = -1.809717f, b2 = 0.904859f, a1 = -1.800645f, a2 = 0.818790f;

constexpr float lowest_floor_db = -65;
// In the first second speech may be all that was heard: the floor is not believed above this.
constexpr float unsure_floor_db = -45;
constexpr int unsure_frames = 50;
constexpr int frames_per_minimum = 13;
constexpr float onset_above_db = 9, speech_above_db = 6;
constexpr float quietest_speech_db = -52;

// At 4 kHz: the last 40 ms with lags of 66–400 Hz, and the last 20 ms against what was 50–70 ms
// before. Of recorded speech 5 % of the voiced frames are as much alike over that time as all
// tones and hums are.
constexpr std::size_t voice_history = 160;
constexpr int shortest_period = 10, longest_period = 60;
constexpr float voiced_periodicity = 0.62f;
constexpr int steady_from = 200, steady_to = 280;
constexpr float steady_periodicity = 0.84f;

constexpr int onset_within = 10;
constexpr int hangover_frames = 12;
constexpr int unvoiced_frames = 20;  // without any voiced one it is noise that rose, not speech
constexpr int long_ago = 1'000;

float decibel(float power) { return 10 * std::log10(power + 1e-10f); }

}  // namespace

ActivityDetector::ActivityDetector() : floor_db_(unsure_floor_db) {
  minima_db_.fill(0);
  voiced_.fill(long_ago);
}

ActivityDetector::Activity ActivityDetector::process(const Frame& frame) {
  for (int& age : voiced_) age = std::min(age + 1, long_ago);
  ++quiet_frames_;
  const bool genuine = frame.kind == Frame::Kind::voice;
  if (genuine) {
    filter(frame);
    track_floor();
  } else {
    level_db_ = -100;
  }
  const float needed_db =
      std::max(quietest_speech_db, floor_db_ + (speech_ ? speech_above_db : onset_above_db));
  const bool loud = genuine && level_db_ > needed_db;
  const bool voiced = loud && is_voiced();

  Activity activity;
  if (speech_) {
    if (loud && voiced_.front() < unvoiced_frames) quiet_frames_ = 0;
    activity.frames_ago = quiet_frames_;
    if (quiet_frames_ >= hangover_frames) {
      speech_ = false;
      activity.edge = Edge::offset;
      voiced_.fill(long_ago);
    }
  } else if (voiced && voiced_.back() < onset_within) {
    speech_ = true;
    quiet_frames_ = 0;
    activity.edge = Edge::onset;
    activity.frames_ago = voiced_.back();
  }
  activity.speech = speech_;
  activity.level_db = level_db_;
  activity.floor_db = floor_db_;
  return activity;
}

void ActivityDetector::filter(const Frame& frame) {
  constexpr std::size_t added = 80;
  std::copy(history_.begin() + added, history_.end(), history_.begin());
  const bool wide = frame.rate == wideband;
  const Sample* in = frame.pcm.data();
  float power = 0;
  for (std::size_t i = history_.size() - added; i < history_.size(); ++i) {
    float pair[2];
    for (float& out : pair) {
      const float x = wide ? 0.5f * static_cast<float>(in[0] + in[1]) : static_cast<float>(in[0]);
      in += wide ? 2 : 1;
      out = b0 * x + z1_;
      z1_ = b1 * x - a1 * out + z2_;
      z2_ = b2 * x - a2 * out;
      power += out * out;
    }
    const float low = 0.25f * previous_ + 0.5f * pair[0] + 0.25f * pair[1];
    previous_ = pair[1];
    history_[i] = static_cast<Sample>(std::clamp(low, -32'768.0f, 32'767.0f));
  }
  // On digital silence the filter would decay into denormal numbers, each a hundred times as slow.
  if (std::abs(z1_) + std::abs(z2_) < 1e-15f) z1_ = z2_ = 0;
  power /= 160 * 32'768.0f * 32'768.0f;
  level_db_ = decibel(power);
  smooth_power_ = frames_ == 0 ? power : 0.7f * smooth_power_ + 0.3f * power;
}

void ActivityDetector::track_floor() {
  if (++frames_in_minimum_ > frames_per_minimum) {
    frames_in_minimum_ = 1;
    minimum_ = (minimum_ + 1) % minima_db_.size();
    minima_db_[minimum_] = 0;
  }
  minima_db_[minimum_] = std::min(minima_db_[minimum_], decibel(smooth_power_));
  floor_db_ = std::max(lowest_floor_db, *std::min_element(minima_db_.begin(), minima_db_.end()));
  if (frames_ < unsure_frames) {
    ++frames_;
    floor_db_ = std::min(floor_db_, unsure_floor_db);
  }
}

bool ActivityDetector::is_voiced() {
  const std::span<const Sample> history{history_};
  if (find_pitch(history.last(voice_history), shortest_period, longest_period).periodicity <
      voiced_periodicity)
    return false;
  if (find_pitch(history, steady_from, steady_to).periodicity > steady_periodicity) return false;
  std::copy_backward(voiced_.begin(), voiced_.end() - 1, voiced_.end());
  voiced_.front() = 0;
  return true;
}

}  // namespace voxanne::audio
