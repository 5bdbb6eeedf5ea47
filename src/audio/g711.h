// G.711: 8 kHz PCM16 to one byte a sample and back, µ-law and A-law (ITU-T G.711). Stateless.
#pragma once

#include "audio/frame.h"

#include <cstdint>
#include <span>

namespace voxanne::audio {

enum class Law : std::uint8_t { mu, a };

// The byte that decodes to (nearly) silence.
constexpr std::uint8_t g711_silence(Law law) { return law == Law::mu ? 0xFF : 0xD5; }

// Both spans have the same length.
void g711_encode(Law law, std::span<const Sample> pcm, std::span<std::uint8_t> out);
void g711_decode(Law law, std::span<const std::uint8_t> bytes, std::span<Sample> out);

}  // namespace voxanne::audio
