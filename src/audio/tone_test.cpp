#include "audio/tone.h"

#include "support/sound/sound.h"

#include <gtest/gtest.h>

namespace voxanne::audio {
namespace {

using namespace voxanne::test;

TEST(ToneTest, is_continuous_and_keeps_its_level_for_an_hour) {
  Tone tone{narrowband, 440, 0, -9};
  std::array<Sample, 160> frame;
  for (int i = 0; i < 180'000; ++i) tone.fill(frame);
  Samples late(8'000);
  tone.fill(late);
  EXPECT_NEAR(level_at(late, narrowband, 440), -12, 0.1);
}

TEST(ToneTest, every_key_is_its_row_and_column) {
  for (const char key : std::string{"0123456789*#ABCDabcd"}) {
    const auto pair = dtmf_frequencies(key);
    ASSERT_TRUE(pair) << key;
    Samples samples(narrowband / 2);
    Tone{narrowband, pair->first, pair->second}.fill(samples);
    int present = 0;
    for (const double hz : {697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0})
      if (level_at(samples, narrowband, hz) > -15) ++present;
    EXPECT_EQ(present, 2) << key;
  }
  EXPECT_EQ(dtmf_frequencies('5'), (std::pair{770.0, 1336.0}));
  EXPECT_EQ(dtmf_frequencies('#'), (std::pair{941.0, 1477.0}));
  EXPECT_FALSE(dtmf_frequencies('E'));
  EXPECT_FALSE(dtmf_frequencies(' '));
}

TEST(ToneTest, the_loudest_pair_does_not_wrap_around) {
  Samples samples(800);
  Tone{narrowband, 500, 501, 0}.fill(samples);
  for (std::size_t i = 1; i < samples.size(); ++i)
    ASSERT_LT(std::abs(samples[i] - samples[i - 1]), 30'000) << "full-scale jump";
}

}  // namespace
}  // namespace voxanne::audio
