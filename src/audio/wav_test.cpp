#include "audio/wav.h"

#include "support/sound/sound.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

namespace voxanne::audio {
namespace {

std::vector<std::byte> file(int rate, int channels, std::span<const Sample> samples) {
  const auto header = wav_header(rate, channels, samples.size_bytes());
  std::vector<std::byte> bytes(header.begin(), header.end());
  const auto data = std::as_bytes(samples);
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

const std::vector<Sample> three{1, -2, 32'767};

template <class T>
std::vector<std::byte> with(std::size_t at, T value) {
  auto bytes = file(8'000, 1, three);
  std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}

std::string code_of(std::span<const std::byte> bytes) {
  const auto wav = read_wav(bytes);
  return wav ? "" : wav.error().code;
}

TEST(WavTest, reads_what_it_writes) {
  for (const int rate : {8'000, 11'025, 16'000, 48'000}) {
    const auto wav = read_wav(file(rate, 1, three));
    ASSERT_TRUE(wav);
    EXPECT_EQ(wav->rate, rate);
    EXPECT_EQ(wav->samples, three);
  }
}

TEST(WavTest, an_empty_recording_is_whole) {
  const auto wav = read_wav(file(8'000, 1, {}));
  ASSERT_TRUE(wav);
  EXPECT_TRUE(wav->samples.empty());
}

TEST(WavTest, names_what_is_wrong) {
  EXPECT_EQ(code_of({}), "wav_not_riff");
  EXPECT_EQ(code_of(with(0, 'r')), "wav_not_riff");
  EXPECT_EQ(code_of(with(8, 'w')), "wav_not_riff");
  EXPECT_EQ(code_of(with(12, 'x')), "wav_no_format");
  EXPECT_EQ(code_of(with(36, 'x')), "wav_no_data");
  EXPECT_EQ(code_of(with(20, std::uint16_t{7})), "wav_not_pcm");
  EXPECT_EQ(code_of(with(22, std::uint16_t{2})), "wav_not_mono");
  EXPECT_EQ(code_of(with(22, std::uint16_t{0})), "wav_not_mono");
  EXPECT_EQ(code_of(with(34, std::uint16_t{8})), "wav_not_16_bit");
  EXPECT_EQ(code_of(with(24, std::uint32_t{0})), "wav_rate");
  EXPECT_EQ(code_of(with(24, std::uint32_t{4'000'000'000u})), "wav_rate");
  EXPECT_EQ(code_of(with(4, std::uint32_t{0xFFFFFFFF})), "wav_truncated");
  EXPECT_EQ(code_of(with(16, std::uint32_t{0xFFFFFFFF})), "wav_truncated");
  EXPECT_EQ(code_of(with(16, std::uint32_t{14})), "wav_truncated");
  EXPECT_EQ(code_of(with(40, std::uint32_t{0xFFFFFFFF})), "wav_truncated");
  EXPECT_EQ(code_of(with(40, std::uint32_t{5})), "wav_truncated") << "half a sample";
}

TEST(WavTest, every_shortened_file_is_an_error) {
  const auto whole = file(8'000, 1, three);
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_NE(code_of(std::span{whole}.first(n)), "") << n;
}

TEST(WavTest, skips_other_chunks_and_their_padding) {
  auto bytes = file(8'000, 1, three);
  const char list[] = {'L', 'I', 'S', 'T', 3, 0, 0, 0, 'a', 'b', 'c', 0};
  const auto extra = std::as_bytes(std::span{list});
  bytes.insert(bytes.begin() + 36, extra.begin(), extra.end());
  const auto riff = static_cast<std::uint32_t>(bytes.size() - 8);
  std::memcpy(bytes.data() + 4, &riff, 4);
  ASSERT_EQ(code_of(bytes), "");
  EXPECT_EQ(read_wav(bytes)->samples, three);
}

TEST(WavTest, takes_the_extensible_header_of_linear_pcm_only) {
  auto bytes = file(8'000, 1, three);
  std::byte rest[24]{};
  rest[0] = std::byte{22};  // cbSize
  rest[8] = std::byte{1};   // sub-format: PCM
  bytes.insert(bytes.begin() + 36, rest, rest + 24);
  const auto put = [&](std::size_t at, auto value) { std::memcpy(bytes.data() + at, &value, sizeof value); };
  put(4, static_cast<std::uint32_t>(bytes.size() - 8));
  put(16, std::uint32_t{40});
  put(20, std::uint16_t{0xFFFE});
  ASSERT_EQ(code_of(bytes), "");
  EXPECT_EQ(read_wav(bytes)->samples, three);
  put(44, std::uint16_t{3});
  EXPECT_EQ(code_of(bytes), "wav_not_pcm");
}

TEST(WavTest, files_are_written_and_read) {
  const auto path = std::filesystem::path{::testing::TempDir()} / "voxanne_wav_test.wav";
  ASSERT_TRUE(write_wav_file(path, 16'000, 1, three));
  EXPECT_EQ(read_wav_file(path)->samples, three);
  const auto refused = read_wav_file(path, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "wav_too_large");
  std::filesystem::remove(path);
  EXPECT_EQ(read_wav_file(path).error().code, "wav_not_found");
  EXPECT_EQ(write_wav_file("/nowhere/at/all.wav", 8'000, 1, three).error().code, "wav_unwritable");
  EXPECT_EQ(read_wav_file(::testing::TempDir()).error().code, "wav_unreadable") << "a directory";
}

TEST(WavTest, real_prompts_are_read) {
  const auto prompt = test::speech("vm-intro");
  EXPECT_GT(prompt.size(), 8'000u);
  EXPECT_GT(test::level_db(prompt), -40);
}

}  // namespace
}  // namespace voxanne::audio
