#include "audio/wav.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <string_view>

namespace voxanne::audio {
namespace {

static_assert(std::endian::native == std::endian::little, "WAVE is little-endian; so are its samples here");

constexpr std::uint16_t format_pcm = 1;
constexpr std::uint16_t format_extensible = 0xFFFE;
constexpr std::size_t format_size = 16;             // the part of "fmt " that every variant has
constexpr std::size_t format_size_extensible = 40;  // its sub-format starts at 24

template <class T>
T read(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string_view tag(std::span<const std::byte> bytes, std::size_t at) {
  return {reinterpret_cast<const char*>(bytes.data()) + at, 4};
}

Error unsupported(std::string code, std::string message) {
  return {Fault::unsupported_type, std::move(code), std::move(message)};
}

Error truncated(std::string_view chunk, std::size_t says, std::size_t has) {
  return malformed("wav_truncated",
                   fmt::format("the WAV file is cut short: its {} chunk says {} bytes and {} follow; copy or "
                               "export it again",
                               chunk, says, has));
}

Result<int> read_format(std::span<const std::byte> format) {
  if (format.size() < format_size) return truncated("format", format_size, format.size());
  auto code = read<std::uint16_t>(format, 0);
  if (code == format_extensible && format.size() >= format_size_extensible)
    code = read<std::uint16_t>(format, 24);
  const auto channels = read<std::uint16_t>(format, 2);
  const auto rate = read<std::uint32_t>(format, 4);
  const auto bits = read<std::uint16_t>(format, 14);
  if (code != format_pcm)
    return unsupported(
        "wav_not_pcm",
        fmt::format("the WAV file holds format {}, not linear PCM; convert it to 16-bit PCM", code));
  if (bits != 16)
    return unsupported("wav_not_16_bit",
                       fmt::format("the WAV file has {} bits a sample; convert it to 16-bit PCM", bits));
  if (channels != 1)
    return unsupported("wav_not_mono",
                       fmt::format("the WAV file has {} channels; mix it down to one", channels));
  if (rate < 1'000 || rate > 192'000)
    return unsupported(
        "wav_rate",
        fmt::format("the WAV file's sample rate is {} Hz; 1,000 to 192,000 Hz can be read", rate));
  return static_cast<int>(rate);
}

}  // namespace

Result<Wav> read_wav(std::span<const std::byte> file) {
  if (file.size() < 12 || tag(file, 0) != "RIFF" || tag(file, 8) != "WAVE")
    return malformed("wav_not_riff", "this is not a WAV file: it does not begin with RIFF and WAVE");
  if (const std::size_t riff = read<std::uint32_t>(file, 4); riff > file.size() - 8)
    return truncated("RIFF", riff, file.size() - 8);

  Wav wav;
  for (std::size_t at = 12; file.size() - at >= 8;) {
    const auto name = tag(file, at);
    const std::size_t size = read<std::uint32_t>(file, at + 4);
    at += 8;
    if (size > file.size() - at)
      return truncated(name == "data"   ? "data"
                       : name == "fmt " ? "format"
                                        : "unnamed",
                       size, file.size() - at);
    const auto chunk = file.subspan(at, size);
    if (name == "fmt ") {
      const auto rate = read_format(chunk);
      if (!rate) return rate.error();
      wav.rate = *rate;
    } else if (name == "data") {
      if (wav.rate == 0)
        return malformed("wav_no_format", "the WAV file has no format chunk before its data");
      if (size % sizeof(Sample) != 0)
        return malformed("wav_truncated", "the WAV file's data ends in the middle of a sample");
      wav.samples.resize(size / sizeof(Sample));
      if (size > 0) std::memcpy(wav.samples.data(), chunk.data(), size);
      return wav;
    }
    at += std::min(size + (size & 1), file.size() - at);  // chunks are padded to even lengths
  }
  if (wav.rate == 0) return malformed("wav_no_format", "the WAV file has no format chunk");
  return malformed("wav_no_data", "the WAV file has no data chunk");
}

Result<Wav> read_wav_file(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory)
    return not_found("wav_not_found", fmt::format("{}: no such file", path.string()));
  if (error) return internal("wav_unreadable", fmt::format("{}: {}", path.string(), error.message()));
  if (size > max_bytes)
    return Error{Fault::too_large, "wav_too_large",
                 fmt::format("{} has {} bytes; at most {} are read", path.string(), size, max_bytes)};
  std::ifstream in{path, std::ios::binary};
  std::vector<std::byte> bytes(size);
  if (!in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size)))
    return internal("wav_unreadable", fmt::format("{}: cannot be read", path.string()));
  return read_wav(bytes);
}

std::array<std::byte, wav_header_size> wav_header(int rate, int channels, std::uint64_t data_bytes) {
  std::array<std::byte, wav_header_size> header{};
  const auto frame = static_cast<std::uint16_t>(channels * static_cast<int>(sizeof(Sample)));
  const auto data =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(data_bytes, UINT32_MAX - wav_header_size - frame));
  const auto put = [&](std::size_t at, const auto& value) {
    std::memcpy(header.data() + at, &value, sizeof value);
  };
  const auto put_tag = [&](std::size_t at, const char* name) { std::memcpy(header.data() + at, name, 4); };
  put_tag(0, "RIFF");
  put(4, static_cast<std::uint32_t>(wav_header_size - 8 + data));
  put_tag(8, "WAVE");
  put_tag(12, "fmt ");
  put(16, static_cast<std::uint32_t>(format_size));
  put(20, format_pcm);
  put(22, static_cast<std::uint16_t>(channels));
  put(24, static_cast<std::uint32_t>(rate));
  put(28, static_cast<std::uint32_t>(rate) * frame);
  put(32, frame);
  put(34, std::uint16_t{16});
  put_tag(36, "data");
  put(40, data);
  return header;
}

Result<> write_wav_file(const std::filesystem::path& path, int rate, int channels,
                        std::span<const Sample> interleaved) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  const auto header = wav_header(rate, channels, interleaved.size_bytes());
  out.write(reinterpret_cast<const char*>(header.data()), header.size());
  out.write(reinterpret_cast<const char*>(interleaved.data()),
            static_cast<std::streamsize>(interleaved.size_bytes()));
  out.close();
  if (!out) return internal("wav_unwritable", fmt::format("{}: cannot be written", path.string()));
  return {};
}

}  // namespace voxanne::audio
