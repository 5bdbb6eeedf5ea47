#include "audio/g722.h"

#include "audio/tone.h"
#include "support/sound/sound.h"

#include <gtest/gtest.h>

namespace voxanne::audio {
namespace {

using namespace voxanne::test;

Samples round_trip(std::span<const Sample> pcm) {
  G722Encoder encoder;
  G722Decoder decoder;
  Samples out;
  for (const auto& frame : frames(pcm, wideband)) {
    std::array<std::uint8_t, 160> bytes;
    std::array<Sample, 320> back;
    encoder.encode(frame.samples(), bytes);
    decoder.decode(bytes, back);
    out.insert(out.end(), back.begin(), back.end());
  }
  return out;
}

TEST(G722Test, wideband_speech_comes_back) {
  const auto original = speech("vm-intro", wideband);
  const auto back = round_trip(original);
  const int lag = lag_of(original, back, 40);
  EXPECT_NEAR(lag, 22, 4) << "the two filter banks";
  EXPECT_GT(snr_db(original, std::span{back}.subspan(static_cast<std::size_t>(lag))), 15);
}

TEST(G722Test, what_is_above_the_telephone_band_passes) {
  for (const double hz : {300.0, 1'000.0, 3'400.0, 6'000.0}) {
    const auto back = round_trip(tone(wideband, hz, 500));
    EXPECT_NEAR(level_at(std::span{back}.subspan(1'600), wideband, hz), -12, 1) << hz;
  }
}

}  // namespace
}  // namespace voxanne::audio
