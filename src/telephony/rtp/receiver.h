// The incoming half of a session: packets in, one frame per 20 ms slot out. Jitter buffer, decoder,
// concealment, and the way to the leg's rate.
#pragma once

#include "audio/concealer.h"
#include "audio/resampler.h"
#include "media/jitter_buffer.h"
#include "telephony/rtp/codec.h"
#include "telephony/rtp/dtmf.h"
#include "telephony/rtp/packet.h"

#include <cstdint>
#include <optional>

namespace voxanne::telephony::rtp {

class Receiver {
 public:
  Receiver(const Format& format, int leg_rate);

  bool takes(std::uint8_t payload_type) const;
  bool is_event(std::uint8_t payload_type) const { return format_.event_type == payload_type; }

  // A packet whose type it takes; the digit, when a key press begins with it.
  std::optional<char> on_packet(const Packet& packet);
  // The next 20 ms.
  void fill(audio::Frame& heard);
  // What comes next has nothing to do with what came before (after hold).
  void reset();

  std::uint64_t late() const { return late_; }
  std::uint64_t concealed_frames() const { return (concealed_cells_ + 1) / 2; }
  int delay_ms() const { return jitter_.delay_ms(); }

 private:
  media::JitterBuffer::Kind next_cell(std::span<audio::Sample> out);

  Format format_;
  int leg_rate_;
  media::JitterBuffer jitter_;
  Decoder decoder_;
  audio::Concealer concealer_;
  std::optional<audio::Resampler> resampler_;
  DigitReceiver digits_;
  std::uint32_t event_ssrc_ = 0;
  std::uint64_t late_ = 0, concealed_cells_ = 0;
};

}  // namespace voxanne::telephony::rtp
