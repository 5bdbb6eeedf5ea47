// The three codecs behind one face: PCM at the codec's own rate ↔ payload bytes.
#pragma once

#include "audio/g711.h"
#include "audio/g722.h"
#include "telephony/rtp/format.h"

#include <optional>
#include <span>

namespace voxanne::telephony::rtp {

class Encoder {
 public:
  explicit Encoder(Codec codec);
  // One byte out per tick of the RTP clock: pcm.size() at 8 kHz, half of it at 16 kHz.
  void encode(std::span<const audio::Sample> pcm, std::span<std::uint8_t> out);
  void encode_silence(std::span<std::uint8_t> out);

 private:
  Codec codec_;
  std::optional<audio::G722Encoder> g722_;
};

class Decoder {
 public:
  explicit Decoder(Codec codec);
  void decode(std::span<const std::uint8_t> bytes, std::span<audio::Sample> out);

 private:
  Codec codec_;
  std::optional<audio::G722Decoder> g722_;
};

}  // namespace voxanne::telephony::rtp
