#include "audio/g722.h"

#include <cassert>
#include <new>

#include <spandsp.h>

namespace voxanne::audio {

void G722Encoder::Free::operator()(g722_encode_state_s* state) const { g722_encode_free(state); }
void G722Decoder::Free::operator()(g722_decode_state_s* state) const { g722_decode_free(state); }

G722Encoder::G722Encoder() : state_(g722_encode_init(nullptr, 64'000, 0)) {
  if (!state_) throw std::bad_alloc();
}

void G722Encoder::encode(std::span<const Sample> pcm, std::span<std::uint8_t> out) {
  assert(pcm.size() == 2 * out.size());
  g722_encode(state_.get(), out.data(), pcm.data(), static_cast<int>(pcm.size()));
}

G722Decoder::G722Decoder() : state_(g722_decode_init(nullptr, 64'000, 0)) {
  if (!state_) throw std::bad_alloc();
}

void G722Decoder::decode(std::span<const std::uint8_t> bytes, std::span<Sample> out) {
  assert(out.size() == 2 * bytes.size());
  g722_decode(state_.get(), out.data(), bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace voxanne::audio
