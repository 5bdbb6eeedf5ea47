#include "conversation/echo_guard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <random>

namespace voxanne::conversation {
namespace {

// A line on which our own voice comes back `delay` slots later at `gain`, with the caller's voice
// and noise on top. Voices are noise with the loudness of syllables.
struct Line {
  EchoGuard guard;
  std::mt19937 random{7};
  std::deque<audio::Frame> coming;

  audio::Frame voice(double level, int slot, double pace) {
    audio::Frame frame{.rate = 8000, .kind = audio::Frame::Kind::voice};
    const double syllable =
        0.15 + std::pow(std::sin(slot / pace), 2) * (0.5 + 0.5 * std::sin(slot / (pace * 2.7)));
    std::normal_distribution<double> noise{0, level * syllable};
    for (auto& sample : frame.samples())
      sample = static_cast<audio::Sample>(std::clamp(noise(random), -32000., 32000.));
    return frame;
  }

  // The share of slots taken for echo.
  double run(int slots, std::size_t delay, double gain, double caller, double ours = 6000) {
    int echoes = 0;
    for (int i = 0; i < slots; ++i) {
      audio::Frame heard = voice(caller, i, 4.1);
      coming.push_back(voice(ours, i, 3.3));
      if (coming.size() > delay + 1) {
        for (std::size_t k = 0; k < 160; ++k)
          heard.pcm[k] = static_cast<audio::Sample>(heard.pcm[k] + gain * coming[0].pcm[k]);
        coming.pop_front();
      }
      echoes += guard.is_echo(heard);
      guard.said(coming.back());
    }
    return double(echoes) / slots;
  }
};

TEST(EchoGuardTest, finds_an_echo_within_a_second_and_then_holds_it_back) {
  for (const std::size_t delay : {2u, 9u, 22u}) {
    Line line;
    line.run(40 + static_cast<int>(delay), delay, 0.3, 20);
    EXPECT_TRUE(line.guard.line_echoes()) << delay;
    EXPECT_GT(line.run(100, delay, 0.3, 20), 0.95) << delay;
  }
}

TEST(EchoGuardTest, lets_a_caller_through_who_is_louder_than_the_echo) {
  Line line;
  line.run(60, 9, 0.2, 20);
  ASSERT_TRUE(line.guard.line_echoes());
  EXPECT_LT(line.run(40, 9, 0.2, 8000), 0.35);
}

TEST(EchoGuardTest, never_takes_a_caller_on_a_clean_line_for_an_echo) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Line line;
    line.random.seed(seed);
    EXPECT_EQ(line.run(300, 5, 0, 5000), 0) << seed;
  }
}

TEST(EchoGuardTest, nothing_is_an_echo_while_we_are_silent) {
  Line line;
  EXPECT_EQ(line.run(200, 5, 0.5, 5000, 0), 0);
}

}  // namespace
}  // namespace voxanne::conversation
