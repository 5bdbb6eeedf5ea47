// The unit of audio in the house: 20 ms of linear PCM16, mono, at 8 or 16 kHz. A leg has one rate
// for its whole life and everything on its media shard works at that rate; whoever needs another
// (a recognizer at 16 kHz) resamples off the shard.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace voxanne::audio {

using Sample = std::int16_t;

inline constexpr int frame_ms = 20;
inline constexpr int narrowband = 8'000;
inline constexpr int wideband = 16'000;

constexpr std::size_t samples_per_frame(int rate) { return static_cast<std::size_t>(rate / 50); }

struct Frame {
  // What the samples are: the far end's own, an estimate of a lost packet, or silence because
  // nothing is due (before the first packet, on hold, nothing to say).
  enum class Kind : std::uint8_t { voice, concealed, silence };

  int rate = narrowband;
  Kind kind = Kind::silence;
  std::array<Sample, 320> pcm{};

  std::span<Sample> samples() { return {pcm.data(), samples_per_frame(rate)}; }
  std::span<const Sample> samples() const { return {pcm.data(), samples_per_frame(rate)}; }
};

}  // namespace voxanne::audio
