#include "audio/activity.h"

#include "audio/tone.h"
#include "support/sound/sound.h"

#include <gtest/gtest.h>

namespace voxanne::audio {
namespace {

using namespace voxanne::test;
using Edge = ActivityDetector::Edge;

int onsets(std::span<const Sample> samples, int rate) {
  ActivityDetector detector;
  int count = 0;
  for (const auto& frame : frames(samples, rate)) count += detector.process(frame).edge == Edge::onset;
  return count;
}

class ActivityTest : public ::testing::TestWithParam<int> {
 protected:
  const int rate_ = GetParam();
  // A quiet line, so that what follows is a step up.
  const Samples quiet_ = white_noise(rate_, 2'000, -65);
};
INSTANTIATE_TEST_SUITE_P(Rates, ActivityTest, ::testing::Values(narrowband, wideband));

TEST_P(ActivityTest, stationary_noise_never_starts_it) {
  for (const double level : {-60.0, -45.0, -30.0, -15.0})
    for (const unsigned seed : {1u, 2u}) {
      const auto white = white_noise(rate_, 10'000, level, seed),
                 pink = pink_noise(rate_, 10'000, level, seed);
      EXPECT_EQ(onsets(white, rate_), 0) << "white from the start at " << level;
      EXPECT_EQ(onsets(pink, rate_), 0) << "pink from the start at " << level;
      EXPECT_EQ(onsets(quiet_ + white, rate_), 0) << "white after quiet at " << level;
      EXPECT_EQ(onsets(quiet_ + pink, rate_), 0) << "pink after quiet at " << level;
      EXPECT_EQ(onsets(silence(rate_, 1'000) + pink, rate_), 0) << "pink after digital silence at " << level;
    }
}

TEST_P(ActivityTest, hum_and_call_progress_tones_never_start_it) {
  for (const double level : {-45.0, -30.0, -15.0}) {
    for (const double hz : {50.0, 60.0, 100.0, 120.0, 150.0, 180.0, 400.0}) {
      EXPECT_EQ(onsets(hum(rate_, 5'000, level, hz), rate_), 0) << hz << " Hz at " << level;
      EXPECT_EQ(onsets(quiet_ + hum(rate_, 5'000, level, hz), rate_), 0)
          << hz << " Hz switched on at " << level;
    }
    for (const auto& [first, second, on, off] :
         {std::tuple{350.0, 440.0, 3'000, 0}, {440.0, 480.0, 2'000, 1'000}, {425.0, 0.0, 250, 250}}) {
      Samples tones = quiet_;
      for (int i = 0; i < 4; ++i) {
        Samples burst(static_cast<std::size_t>(rate_ / 1'000 * on));
        Tone{rate_, first, second, level}.fill(burst);
        tones = tones + burst + silence(rate_, off);
      }
      EXPECT_EQ(onsets(tones, rate_), 0) << first << "+" << second << " Hz at " << level;
    }
  }
}

TEST_P(ActivityTest, hears_recorded_speech_soon_and_stops_after_its_hangover) {
  // Onsets in frames after the first frame within 25 dB of the prompt's level.
  std::vector<int> latencies;
  long spoken = 0, found = 0, quiet = 0, wrong = 0;
  const auto names = speech_names();
  for (std::size_t n = 0; n < names.size(); n += 8) {
    const auto prompt = scaled(speech(names[n], rate_), -10);
    const double level = level_db(prompt);
    const auto clean = frames(silence(rate_, 1'500) + prompt + silence(rate_, 1'500), rate_);
    const auto noise = frames(
        pink_noise(rate_, static_cast<int>(clean.size()) * frame_ms, level - 15, static_cast<unsigned>(n)),
        rate_);
    ActivityDetector detector;
    int began = -1, ended = -1, first_onset = -1, last_offset = -1;
    for (int i = 0; i < static_cast<int>(clean.size()); ++i) {
      const auto index = static_cast<std::size_t>(i);
      auto frame = clean[index];
      const bool truth = level_db(frame.samples()) > level - 25;
      for (std::size_t k = 0; k < frame.samples().size(); ++k)
        frame.pcm[k] = static_cast<Sample>(std::clamp(frame.pcm[k] + noise[index].pcm[k], -32'768, 32'767));
      const auto activity = detector.process(frame);
      if (truth && began < 0) began = i;
      if (truth) ended = i;
      if (activity.edge == Edge::onset && first_onset < 0) first_onset = i;
      if (activity.edge == Edge::offset) last_offset = i;
      spoken += truth;
      found += truth && activity.speech;
      const bool long_quiet = began < 0 || i > ended + 14;
      quiet += long_quiet;
      wrong += long_quiet && activity.speech;
    }
    if (first_onset < 0) continue;
    latencies.push_back(first_onset - began);
    EXPECT_LE(last_offset, ended + 14) << names[n];
    EXPECT_GE(last_offset, ended - 20) << names[n];
  }
  std::sort(latencies.begin(), latencies.end());
  ASSERT_GE(latencies.size(), names.size() / 8 - 3) << "prompts that were not heard at all (some are beeps)";
  EXPECT_LE(latencies[latencies.size() / 2], 6);
  EXPECT_LE(latencies[latencies.size() * 9 / 10], 13);
  EXPECT_GT(static_cast<double>(found), 0.89 * static_cast<double>(spoken));
  EXPECT_LT(static_cast<double>(wrong), 0.01 * static_cast<double>(quiet));
}

TEST_P(ActivityTest, words_in_one_breath_are_one_stretch) {
  const auto prompt = speech("demo-congrats", rate_);
  ActivityDetector detector;
  bool speech = false;
  int changes = 0;
  for (const auto& frame : frames(quiet_ + prompt + white_noise(rate_, 1'000, -65), rate_)) {
    const auto activity = detector.process(frame);
    EXPECT_EQ(activity.edge == Edge::none, activity.speech == speech)
        << "an edge at every change and only there";
    changes += activity.speech != speech;
    speech = activity.speech;
  }
  EXPECT_FALSE(speech);
  const auto seconds = static_cast<int>(prompt.size()) / rate_;
  EXPECT_LT(changes / 2, seconds) << "stretches in " << seconds << " s of fluent speech";
  EXPECT_GE(changes / 2, 1);
}

TEST_P(ActivityTest, an_edge_says_how_long_ago) {
  ActivityDetector detector;
  int index = 0, onset = -1, began = -1;
  for (const auto& frame :
       frames(quiet_ + speech("vm-intro", rate_) + white_noise(rate_, 1'000, -65), rate_)) {
    const auto activity = detector.process(frame);
    if (activity.edge == Edge::onset && onset < 0) {
      onset = index;
      began = index - activity.frames_ago;
    }
    if (activity.edge == Edge::offset) {
      EXPECT_EQ(activity.frames_ago, 12);
    }
    ++index;
  }
  EXPECT_GE(onset - began, 3);
  EXPECT_LT(onset - began, 10);
}

TEST_P(ActivityTest, noise_that_rises_during_speech_does_not_keep_it_on) {
  const auto prompt = speech("vm-intro", rate_);
  const auto talk = quiet_ + std::span{prompt}.first(static_cast<std::size_t>(rate_));
  ActivityDetector detector;
  for (const auto& frame : frames(talk, rate_)) detector.process(frame);
  int until = -1, index = 0;
  for (const auto& frame : frames(pink_noise(rate_, 5'000, -25), rate_)) {
    if (detector.process(frame).speech) until = index;
    ++index;
  }
  EXPECT_LT(until, 40) << "800 ms";
}

TEST_P(ActivityTest, what_the_far_end_did_not_say_starts_nothing_and_teaches_nothing) {
  ActivityDetector detector;
  for (const auto& frame : frames(white_noise(rate_, 3'000, -40), rate_)) detector.process(frame);
  Frame none;
  none.rate = rate_;
  const float floor = detector.process(none).floor_db;
  for (int i = 0; i < 500; ++i) EXPECT_EQ(detector.process(none).floor_db, floor);
  for (auto frame : frames(speech("vm-intro", rate_), rate_)) {
    frame.kind = Frame::Kind::concealed;
    EXPECT_FALSE(detector.process(frame).speech);
  }
}

TEST_P(ActivityTest, the_floor_follows_the_noise_both_ways) {
  ActivityDetector detector;
  float floor = 0;
  for (const auto& frame : frames(white_noise(rate_, 4'000, -35), rate_))
    floor = detector.process(frame).floor_db;
  EXPECT_NEAR(floor, -36, 4);
  for (const auto& frame : frames(white_noise(rate_, 1'000, -55), rate_))
    floor = detector.process(frame).floor_db;
  EXPECT_NEAR(floor, -57, 4) << "down at once";
  for (const auto& frame : frames(white_noise(rate_, 3'000, -35), rate_))
    floor = detector.process(frame).floor_db;
  EXPECT_NEAR(floor, -36, 4) << "up within two seconds";
}

}  // namespace
}  // namespace voxanne::audio
