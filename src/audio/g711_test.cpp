#include "audio/g711.h"

#include "support/sound/sound.h"

#include <gtest/gtest.h>

#include <spandsp.h>

namespace voxanne::audio {
namespace {

std::uint8_t encode(Law law, int x) {
  const auto sample = static_cast<Sample>(x);
  std::uint8_t byte = 0;
  g711_encode(law, {&sample, 1}, {&byte, 1});
  return byte;
}

Sample decode(Law law, int byte) {
  const auto in = static_cast<std::uint8_t>(byte);
  Sample sample = 0;
  g711_decode(law, {&in, 1}, {&sample, 1});
  return sample;
}

TEST(G711Test, every_byte_decodes_as_the_reference_does) {
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(decode(Law::mu, byte), ulaw_to_linear(static_cast<std::uint8_t>(byte))) << byte;
    EXPECT_EQ(decode(Law::a, byte), alaw_to_linear(static_cast<std::uint8_t>(byte))) << byte;
  }
}

TEST(G711Test, every_byte_survives_decoding_and_encoding) {
  for (const Law law : {Law::mu, Law::a})
    for (int byte = 0; byte < 256; ++byte) {
      if (law == Law::mu && byte == 0x7F) continue;  // the second of µ-law's two zeros
      EXPECT_EQ(encode(law, decode(law, byte)), byte);
    }
}

TEST(G711Test, every_sample_becomes_the_nearest_of_its_neighbours) {
  for (const Law law : {Law::mu, Law::a})
    for (int x = -32'768; x <= 32'767; ++x) {
      const int got = decode(law, encode(law, x));
      // Half a step of the segment, and what the clipping at the top takes away.
      const int half_step = std::max(law == Law::mu ? 4 : 8, std::abs(x) / 32 + (law == Law::mu ? 5 : 1));
      ASSERT_LE(std::abs(got - x), std::abs(x) > 32'000 ? 1'024 : half_step) << x;
      if (x != 0) {
        ASSERT_TRUE(got == 0 || (got > 0) == (x > 0)) << x;
      }
    }
}

TEST(G711Test, silence_is_silent) {
  EXPECT_EQ(decode(Law::mu, g711_silence(Law::mu)), 0);
  EXPECT_LE(std::abs(decode(Law::a, g711_silence(Law::a))), 8);
  EXPECT_EQ(encode(Law::mu, 0), g711_silence(Law::mu));
  EXPECT_EQ(encode(Law::a, 0), g711_silence(Law::a));
}

TEST(G711Test, speech_comes_back_with_the_quality_of_a_telephone) {
  const auto speech = test::speech("vm-intro");
  std::vector<std::uint8_t> bytes(speech.size());
  std::vector<Sample> back(speech.size());
  for (const Law law : {Law::mu, Law::a}) {
    g711_encode(law, speech, bytes);
    g711_decode(law, bytes, back);
    EXPECT_GT(test::snr_db(speech, back), 35);
  }
}

}  // namespace
}  // namespace voxanne::audio
