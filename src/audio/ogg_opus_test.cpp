#include "audio/ogg_opus.h"

#include "audio/tone.h"
#include "support/sound/sound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <random>

namespace voxanne::audio {
namespace {

using namespace voxanne::test;

class Memory final : public OggOpusSource {
 public:
  Memory(std::vector<std::byte> bytes, bool seekable) : bytes_(std::move(bytes)), seekable_(seekable) {}
  std::optional<std::size_t> read(std::span<std::byte> into) override {
    const auto n = std::min(into.size(), bytes_.size() - at_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), n, into.begin());
    at_ += n;
    return n;
  }
  std::optional<std::uint64_t> size() const override {
    if (!seekable_) return std::nullopt;
    return bytes_.size();
  }
  bool seek(std::uint64_t to) override {
    if (to > bytes_.size()) return false;
    at_ = to;
    return true;
  }

 private:
  std::vector<std::byte> bytes_;
  bool seekable_;
  std::size_t at_ = 0;
};

Samples interleaved(std::span<const Sample> left, std::span<const Sample> right) {
  Samples out;
  for (std::size_t i = 0; i < left.size(); ++i) {
    out.push_back(left[i]);
    out.push_back(i < right.size() ? right[i] : Sample{0});
  }
  return out;
}

Samples channel(std::span<const Sample> samples, std::size_t which, std::size_t channels = 2) {
  Samples out;
  for (std::size_t i = which; i < samples.size(); i += channels) out.push_back(samples[i]);
  return out;
}

std::vector<std::byte> encoded(int rate, int channels, std::span<const Sample> samples,
                               std::size_t piece = 640) {
  std::vector<std::byte> bytes;
  OggOpusEncoder encoder{rate, channels, [&](std::span<const std::byte> more) {
                           bytes.insert(bytes.end(), more.begin(), more.end());
                           return true;
                         }};
  for (std::size_t at = 0; at < samples.size(); at += piece)
    EXPECT_TRUE(encoder.write(samples.subspan(at, std::min(piece, samples.size() - at))));
  EXPECT_TRUE(encoder.finish());
  return bytes;
}

Result<Samples> decoded(std::vector<std::byte> bytes, int rate, bool seekable = true) {
  auto decoder = OggOpusDecoder::open(std::make_unique<Memory>(std::move(bytes), seekable), rate);
  if (!decoder) return decoder.error();
  Samples out;
  for (;;) {
    const auto more = decoder->read(out);
    if (!more) return more.error();
    if (!*more) return out;
  }
}

TEST(OggOpusTest, speech_comes_back_aligned_and_exactly_as_long) {
  for (const int rate : {narrowband, wideband}) {
    const auto caller = speech("demo-congrats", rate), house = speech("vm-intro", rate);
    const auto got = decoded(encoded(rate, 2, interleaved(caller, house)), rate).value();
    ASSERT_EQ(got.size(), 2 * caller.size());
    const auto left = channel(got, 0);
    EXPECT_LE(std::abs(lag_of(caller, left, 400)), rate / 1'000) << "less than a millisecond";
    EXPECT_NEAR(level_db(left), level_db(caller), 1.5);
    EXPECT_GT(snr_db(caller, left), 3) << "Opus keeps what is heard, not the waveform";
  }
}

// Two who take turns of three seconds, at the level of a telephone's loudest speakers: of neither is anything
// on the other's side.
TEST(OggOpusTest, channels_stay_apart) {
  for (const int rate : {narrowband, wideband}) {
    const std::array voices{speech("demo-congrats", rate), speech("vm-intro", rate)};
    const std::size_t turn = 3 * std::size_t(rate), guard = std::size_t(rate) / 10;
    std::array<Samples, 2> sides{Samples(6 * turn), Samples(6 * turn)};
    for (std::size_t i = 0; i < 6 * turn; ++i) {
      const std::size_t who = i / turn % 2;
      const int loud = 2 * voices[who][i % voices[who].size()];
      sides[who][i] = Sample(std::clamp(loud, -32'768, 32'767));
    }
    const auto got = decoded(encoded(rate, 2, interleaved(sides[0], sides[1])), rate).value();
    for (std::size_t n = 0; n < 6; ++n) {
      const std::span<const Sample> all{got};
      const auto heard = all.subspan(2 * (n * turn + guard), 2 * (turn - 2 * guard));
      const auto speaks = channel(heard, n % 2), listens = channel(heard, 1 - n % 2);
      EXPECT_LT(level_db(listens), level_db(speaks) - 45) << rate << " Hz, turn " << n;
    }
  }
}

TEST(OggOpusTest, a_length_is_known_before_it_is_read) {
  const auto bytes = encoded(narrowband, 2, Samples(2 * 12'345));
  for (const int rate : {8'000, 16'000, 24'000, 48'000}) {
    const auto decoder = OggOpusDecoder::open(std::make_unique<Memory>(bytes, true), rate);
    ASSERT_TRUE(decoder);
    EXPECT_EQ(decoder->total_samples(), 12'345u * static_cast<unsigned>(rate) / 8'000);
    EXPECT_EQ(decoder->channels(), 2);
    EXPECT_EQ(decoded(bytes, rate)->size(), 2 * *decoder->total_samples());
  }
  const auto stream = OggOpusDecoder::open(std::make_unique<Memory>(bytes, false), 8'000);
  EXPECT_EQ(stream->total_samples(), std::nullopt);
  EXPECT_EQ(decoded(bytes, 8'000, false)->size(), 2u * 12'345);
}

TEST(OggOpusTest, after_a_seek_it_plays_what_it_would_have_played_there) {
  const auto house = speech("vm-intro", narrowband);
  const auto bytes = encoded(narrowband, 2, interleaved(house, house));
  const auto whole = decoded(bytes, narrowband).value();
  auto decoder = OggOpusDecoder::open(std::make_unique<Memory>(bytes, true), narrowband).value();
  for (const std::size_t at : {std::size_t{8'000}, std::size_t{0}, std::size_t{12'345}}) {
    ASSERT_TRUE(decoder.seek(at));
    Samples got;
    while (decoder.read(got).value()) {
    }
    ASSERT_EQ(got.size(), whole.size() - 2 * at);
    const auto expected = channel(std::span{whole}.subspan(2 * at), 0);
    EXPECT_GT(snr_db(expected, channel(got, 0)), 20) << at;
  }
  auto stream = OggOpusDecoder::open(std::make_unique<Memory>(bytes, false), narrowband).value();
  EXPECT_EQ(stream.seek(10).error().code, "opus_unseekable");
}

TEST(OggOpusTest, mono_works_too) {
  const auto caller = speech("vm-intro", wideband);
  const auto got = decoded(encoded(wideband, 1, caller), wideband).value();
  ASSERT_EQ(got.size(), caller.size());
  EXPECT_NEAR(level_db(got), level_db(caller), 1.5);
}

TEST(OggOpusTest, memory_is_bounded_however_long_the_call) {
  std::size_t bytes = 0, largest = 0, held = 0, most_held = 0;
  OggOpusEncoder encoder{narrowband, 2, [&](std::span<const std::byte> more) {
                           bytes += more.size();
                           largest = std::max(largest, more.size());
                           held = 0;
                           return true;
                         }};
  const auto noise = white_noise(narrowband, 2 * 1'000, -30);  // one second of both channels
  for (int second = 0; second < 120; ++second) {
    ASSERT_TRUE(encoder.write(noise));
    most_held = std::max(most_held, ++held);
  }
  ASSERT_TRUE(encoder.finish());
  EXPECT_LE(largest, 65'536u);
  EXPECT_LE(most_held, 4u) << "seconds that are encoded but not yet given away";
  EXPECT_LT(bytes, 120u * 8'000) << "under 64 kbit/s";
}

TEST(OggOpusTest, a_sink_that_fails_fails_the_encoder) {
  OggOpusEncoder encoder{narrowband, 1, [](std::span<const std::byte>) { return false; }};
  Result<> outcome;
  for (int i = 0; i < 10 && outcome; ++i) outcome = encoder.write(white_noise(narrowband, 1'000, -30));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, "opus_sink_failed");
}

TEST(OggOpusTest, what_is_no_ogg_is_refused) {
  EXPECT_EQ(decoded({}, 8'000).error().code, "opus_malformed");
  EXPECT_EQ(decoded(std::vector<std::byte>(10'000, std::byte{'O'}), 8'000).error().code, "opus_malformed");
  EXPECT_EQ(OggOpusDecoder::open_file("/nowhere/at/all.ogg", 8'000).error().code, "opus_not_found");
  EXPECT_THROW(
      static_cast<void>(OggOpusDecoder::open(std::make_unique<Memory>(std::vector<std::byte>{}, true), 1)),
      std::invalid_argument);
}

TEST(OggOpusTest, a_damaged_stream_ends_in_samples_or_an_error_never_a_crash) {
  const auto whole = encoded(narrowband, 2, interleaved(speech("demo-congrats"), speech("vm-intro")));
  std::mt19937 random{5};
  for (int round = 0; round < 40; ++round) {
    auto bytes = whole;
    if (round % 2 == 0) bytes.resize(random() % bytes.size());
    for (int i = 0; i < 20 && !bytes.empty(); ++i)
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(random());
    const auto got = decoded(std::move(bytes), 8'000, round % 3 == 0);
    if (got) {
      EXPECT_LT(got->size(), 4 * whole.size() * 100);
    }
  }
}

TEST(OggOpusTest, a_file_is_read_from_disk) {
  const auto path = std::filesystem::path{::testing::TempDir()} / "voxanne_ogg_opus_test.ogg";
  const auto bytes = encoded(narrowband, 2, Samples(16'000));
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                              static_cast<std::streamsize>(bytes.size()));
  auto decoder = OggOpusDecoder::open_file(path, 16'000);
  ASSERT_TRUE(decoder);
  EXPECT_EQ(decoder->total_samples(), 16'000u);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace voxanne::audio
