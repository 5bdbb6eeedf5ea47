// RIFF/WAVE with 16-bit linear PCM. The reader is strict and takes mono only: what it accepts is
// whole and exactly what its header says; everything else is an error that names the fault.
#pragma once

#include "audio/frame.h"
#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace voxanne::audio {

struct Wav {
  int rate = 0;  // 1,000 to 192,000
  std::vector<Sample> samples;
};

// malformed: "wav_not_riff", "wav_truncated", "wav_no_format", "wav_no_data";
// unsupported_type: "wav_not_pcm", "wav_not_16_bit", "wav_not_mono", "wav_rate".
Result<Wav> read_wav(std::span<const std::byte> file);
// Besides: not_found "wav_not_found", internal "wav_unreadable", too_large "wav_too_large".
// Blocks: never on a shard.
Result<Wav> read_wav_file(const std::filesystem::path& path, std::size_t max_bytes = 256u << 20);

// The 44 bytes before `data_bytes` of interleaved samples; for a stream whose length is known
// beforehand. The format's own limit is 4 GiB: data_bytes is cut there.
inline constexpr std::size_t wav_header_size = 44;
std::array<std::byte, wav_header_size> wav_header(int rate, int channels, std::uint64_t data_bytes);

// Creates or replaces the file. internal "wav_unwritable". Blocks.
Result<> write_wav_file(const std::filesystem::path& path, int rate, int channels,
                        std::span<const Sample> interleaved);

}  // namespace voxanne::audio
