#include "telephony/rtp/codec.h"

#include <algorithm>
#include <array>

namespace voxanne::telephony::rtp {
namespace {

audio::Law law(Codec codec) { return codec == Codec::pcma ? audio::Law::a : audio::Law::mu; }

}  // namespace

Encoder::Encoder(Codec codec) : codec_(codec) {
  if (codec == Codec::g722) g722_.emplace();
}

void Encoder::encode(std::span<const audio::Sample> pcm, std::span<std::uint8_t> out) {
  if (g722_)
    g722_->encode(pcm, out);
  else
    audio::g711_encode(law(codec_), pcm, out);
}

void Encoder::encode_silence(std::span<std::uint8_t> out) {
  if (!g722_) {
    std::fill(out.begin(), out.end(), audio::g711_silence(law(codec_)));
    return;
  }
  static constexpr std::array<audio::Sample, 2 * ticks_per_frame> zeros{};
  g722_->encode(std::span{zeros}.first(2 * out.size()), out);
}

Decoder::Decoder(Codec codec) : codec_(codec) {
  if (codec == Codec::g722) g722_.emplace();
}

void Decoder::decode(std::span<const std::uint8_t> bytes, std::span<audio::Sample> out) {
  if (g722_)
    g722_->decode(bytes, out);
  else
    audio::g711_decode(law(codec_), bytes, out);
}

}  // namespace voxanne::telephony::rtp
