#include "audio/resampler.h"

#include "audio/tone.h"
#include "support/sound/sound.h"

#include <gtest/gtest.h>

namespace voxanne::audio {
namespace {

using namespace voxanne::test;

TEST(ResamplerTest, a_stream_in_odd_pieces_equals_the_stream_in_one) {
  const auto original = speech("vm-intro");
  for (const auto& [from, to] :
       {std::pair{8'000, 16'000}, {16'000, 8'000}, {44'100, 16'000}, {8'000, 48'000}}) {
    Resampler whole{from, to, Quality::good}, pieces{from, to, Quality::good};
    Samples expected, got;
    whole.process(original, expected);
    std::size_t at = 0;
    for (std::size_t n = 1; at < original.size(); n = n * 7 % 401 + 1) {
      const auto piece = std::span{original}.subspan(at, std::min(n, original.size() - at));
      pieces.process(piece, got);
      at += piece.size();
    }
    EXPECT_EQ(expected, got) << from << " to " << to;
    EXPECT_NEAR(double(got.size()), double(original.size()) * to / from, 1) << from << " to " << to;
  }
}

TEST(ResamplerTest, tones_keep_their_level_and_images_stay_away) {
  for (const auto quality : {Quality::light, Quality::good}) {
    const auto up = resampled(tone(narrowband, 1'000, 1'000), narrowband, wideband, quality);
    ASSERT_EQ(up.size(), 16'000u);
    EXPECT_NEAR(level_at(up, wideband, 1'000), -12, 0.2);
    EXPECT_LT(level_at(up, wideband, 7'000), -60);
    const auto down = resampled(tone(wideband, 6'000, 1'000), wideband, narrowband, quality);
    EXPECT_LT(level_at(down, narrowband, 2'000), -50) << "folded";
  }
}

TEST(ResamplerTest, a_clip_is_neither_shifted_nor_cut) {
  const auto original = speech("vm-intro");
  const auto back = resampled(resampled(original, narrowband, wideband), wideband, narrowband);
  ASSERT_EQ(back.size(), original.size());
  EXPECT_GT(snr_db(original, back), 20);
  EXPECT_EQ(resampled(original, narrowband, narrowband), original);
  EXPECT_TRUE(resampled({}, narrowband, wideband).empty());
}

TEST(ResamplerTest, frames_come_out_whole_from_the_first_on) {
  Resampler up{narrowband, wideband, Quality::light}, down{wideband, narrowband, Quality::light};
  const auto original = tone(narrowband, 1'000, 400);
  Samples back;
  for (const auto& frame : frames(original, narrowband)) {
    std::array<Sample, 320> wide;
    std::array<Sample, 160> narrow;
    up.process_frame(frame.samples(), wide);
    down.process_frame(wide, narrow);
    back.insert(back.end(), narrow.begin(), narrow.end());
  }
  ASSERT_EQ(back.size(), original.size());
  EXPECT_NEAR(level_at(std::span{back}.subspan(800), narrowband, 1'000), -12, 0.3);
}

TEST(ResamplerTest, a_rate_that_cannot_be_is_refused) {
  EXPECT_THROW(Resampler(0, 8'000, Quality::good), std::invalid_argument);
  EXPECT_THROW(Resampler(8'000, 1'000'000, Quality::good), std::invalid_argument);
}

}  // namespace
}  // namespace voxanne::audio
