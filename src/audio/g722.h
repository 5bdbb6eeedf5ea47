// G.722 at 64 kbit/s: 16 kHz PCM16 to one byte per two samples and back (ITU-T G.722). Stateful:
// one encoder and one decoder per stream, fed in order.
#pragma once

#include "audio/frame.h"

#include <cstdint>
#include <memory>
#include <span>

struct g722_encode_state_s;
struct g722_decode_state_s;

namespace voxanne::audio {

class G722Encoder {
 public:
  G722Encoder();
  // `pcm` has twice as many samples as `out` has bytes.
  void encode(std::span<const Sample> pcm, std::span<std::uint8_t> out);

 private:
  struct Free {
    void operator()(g722_encode_state_s* state) const;
  };
  std::unique_ptr<g722_encode_state_s, Free> state_;
};

class G722Decoder {
 public:
  G722Decoder();
  // `out` has twice as many samples as there are bytes.
  void decode(std::span<const std::uint8_t> bytes, std::span<Sample> out);

 private:
  struct Free {
    void operator()(g722_decode_state_s* state) const;
  };
  std::unique_ptr<g722_decode_state_s, Free> state_;
};

}  // namespace voxanne::audio
