#include "audio/concealer.h"

#include "audio/tone.h"
#include "support/sound/sound.h"

#include <gtest/gtest.h>

namespace voxanne::audio {
namespace {

using namespace voxanne::test;

// The samples with the frames for which `lost` holds concealed.
template <class Lost>
Samples concealed(std::span<const Sample> samples, int rate, Lost lost) {
  Concealer concealer{rate};
  Samples out;
  int index = 0;
  for (auto frame : frames(samples, rate)) {
    if (lost(index++))
      concealer.conceal(frame.samples());
    else
      concealer.heard(frame.samples());
    out.insert(out.end(), frame.samples().begin(), frame.samples().end());
  }
  return out;
}

int largest_jump(std::span<const Sample> samples) {
  int jump = 0;
  for (std::size_t i = 1; i < samples.size(); ++i)
    jump = std::max(jump, std::abs(samples[i] - samples[i - 1]));
  return jump;
}

class ConcealerTest : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Rates, ConcealerTest, ::testing::Values(narrowband, wideband));

TEST_P(ConcealerTest, leaves_whole_audio_as_it_is) {
  const auto original = speech("vm-intro", GetParam());
  const auto out = concealed(original, GetParam(), [](int) { return false; });
  EXPECT_TRUE(std::equal(out.begin(), out.end(), original.begin()));
}

TEST_P(ConcealerTest, a_lost_frame_of_a_steady_voice_is_hardly_missed) {
  // A vowel: harmonics of 130 Hz.
  Samples vowel = tone(GetParam(), 130, 1'000, -20);
  for (const double hz : {260.0, 520.0, 650.0, 1'170.0}) vowel = mix(vowel, tone(GetParam(), hz, 1'000, -20));
  const auto out = concealed(vowel, GetParam(), [](int i) { return i % 10 == 5; });
  EXPECT_GT(snr_db(std::span{vowel}.subspan(0, out.size()), out), 12);
  EXPECT_LT(largest_jump(out), 1.5 * largest_jump(vowel)) << "no clicks";
}

TEST_P(ConcealerTest, lost_frames_of_real_speech_keep_its_level_and_click_nowhere) {
  const auto original = speech("demo-congrats", GetParam());
  const auto lost = [](int i) { return i % 10 == 5; };
  const auto out = concealed(original, GetParam(), lost);
  const auto frame = samples_per_frame(GetParam());
  int spoken = 0, alike = 0;
  for (std::size_t i = 5; (i + 1) * frame <= out.size(); i += 10) {
    const double was = level_db(std::span{original}.subspan(i * frame, frame));
    if (was < -35) continue;
    ++spoken;
    if (std::abs(level_db(std::span{out}.subspan(i * frame, frame)) - was) < 6) ++alike;
  }
  EXPECT_GT(spoken, 50);
  EXPECT_GT(alike, spoken * 8 / 10);
  EXPECT_LT(largest_jump(out), 1.2 * largest_jump(original));
}

TEST_P(ConcealerTest, fades_to_silence_within_a_hundred_milliseconds) {
  const auto out = concealed(tone(GetParam(), 200, 1'000), GetParam(), [](int i) { return i >= 10; });
  const auto frame = samples_per_frame(GetParam());
  const auto level = [&](std::size_t i) { return level_db(std::span{out}.subspan(i * frame, frame)); };
  EXPECT_GT(level(10), -16) << "the first 20 ms are nearly as loud";
  EXPECT_LT(level(11), level(10));
  EXPECT_LT(level(13), -20);
  for (std::size_t i = 14; i < 50; ++i) EXPECT_LT(level(i), -100) << i;
}

TEST_P(ConcealerTest, audio_after_a_long_loss_fades_in) {
  const auto original = tone(GetParam(), 200, 1'000);
  const auto out = concealed(original, GetParam(), [](int i) { return i >= 10 && i < 30; });
  EXPECT_LT(largest_jump(out), 2 * largest_jump(original));
  const auto frame = samples_per_frame(GetParam());
  EXPECT_TRUE(std::equal(out.begin() + std::ptrdiff_t(31 * frame), out.end(),
                         original.begin() + std::ptrdiff_t(31 * frame)));
}

TEST_P(ConcealerTest, losing_before_anything_was_heard_is_silence) {
  const auto out = concealed(silence(GetParam(), 200), GetParam(), [](int) { return true; });
  EXPECT_LT(level_db(out), -100);
}

TEST_P(ConcealerTest, any_chunks_and_the_loudest_signal_are_bearable) {
  Concealer concealer{GetParam()};
  auto loud = tone(GetParam(), 150, 2'000, 0);
  std::size_t at = 0;
  for (std::size_t n = 1; at + n < loud.size(); at += n, n = n * 7 % 331 + 1) {
    if (n % 3 == 0)
      concealer.conceal(std::span{loud}.subspan(at, n));
    else
      concealer.heard(std::span{loud}.subspan(at, n));
  }
  EXPECT_GT(level_db(loud), -12);
}

TEST_P(ConcealerTest, reset_forgets) {
  Concealer concealer{GetParam()};
  auto voice = tone(GetParam(), 150, 100);
  concealer.heard(voice);
  concealer.reset();
  Samples out(160);
  concealer.conceal(out);
  EXPECT_EQ(out, Samples(160));
}

}  // namespace
}  // namespace voxanne::audio
