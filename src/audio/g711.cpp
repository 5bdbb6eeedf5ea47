#include "audio/g711.h"

#include <array>
#include <bit>
#include <cassert>

namespace voxanne::audio {
namespace {

// µ-law is logarithmic in (|x| + bias); a byte is inverted sign, segment and mantissa.
constexpr int mu_bias = 0x84;
constexpr int mu_clip = 32'635;

constexpr std::uint8_t encode_mu(int x) {
  const int sign = x < 0 ? 0x80 : 0;
  int magnitude = x < 0 ? -x : x;
  magnitude = (magnitude > mu_clip ? mu_clip : magnitude) + mu_bias;
  const int segment = std::bit_width(static_cast<unsigned>(magnitude)) - 8;
  const int mantissa = (magnitude >> (segment + 3)) & 0x0F;
  return static_cast<std::uint8_t>(~(sign | segment << 4 | mantissa));
}

constexpr Sample decode_mu(std::uint8_t byte) {
  const int bits = ~byte & 0xFF;
  const int segment = bits >> 4 & 7;
  const int magnitude = ((((bits & 0x0F) << 3) + mu_bias) << segment) - mu_bias;
  return static_cast<Sample>(bits & 0x80 ? -magnitude : magnitude);
}

// A-law works on 13 bits, has a linear lowest pair of segments and every other bit inverted; a
// negative x is folded as ~x, so that both signs have the same number of steps.
constexpr std::uint8_t encode_a(int x) {
  const int sign = x < 0 ? 0 : 0x80;
  const int magnitude = (x < 0 ? ~x : x) >> 3;
  const int width = std::bit_width(static_cast<unsigned>(magnitude));
  const int segment = width > 5 ? width - 5 : 0;
  const int mantissa = (segment > 1 ? magnitude >> segment : magnitude >> 1) & 0x0F;
  return static_cast<std::uint8_t>((sign | segment << 4 | mantissa) ^ 0x55);
}

constexpr Sample decode_a(std::uint8_t byte) {
  const int bits = byte ^ 0x55;
  const int segment = bits >> 4 & 7;
  int magnitude = ((bits & 0x0F) << 4) + 8;
  if (segment > 0) magnitude = (magnitude + 0x100) << (segment - 1);
  return static_cast<Sample>(bits & 0x80 ? magnitude : -magnitude);
}

template <auto decode>
constexpr auto table = [] {
  std::array<Sample, 256> values{};
  for (int i = 0; i < 256; ++i) values[i] = decode(static_cast<std::uint8_t>(i));
  return values;
}();

}  // namespace

void g711_encode(Law law, std::span<const Sample> pcm, std::span<std::uint8_t> out) {
  assert(pcm.size() == out.size());
  if (law == Law::mu)
    for (std::size_t i = 0; i < pcm.size(); ++i) out[i] = encode_mu(pcm[i]);
  else
    for (std::size_t i = 0; i < pcm.size(); ++i) out[i] = encode_a(pcm[i]);
}

void g711_decode(Law law, std::span<const std::uint8_t> bytes, std::span<Sample> out) {
  assert(bytes.size() == out.size());
  const auto& values = law == Law::mu ? table<decode_mu> : table<decode_a>;
  for (std::size_t i = 0; i < bytes.size(); ++i) out[i] = values[bytes[i]];
}

}  // namespace voxanne::audio
