// The outgoing half of a session: one frame per 20 ms slot in, at most one datagram out. The RTP
// timestamp advances with every slot, sent or not, and the sequence number with every packet, so
// that hold, digits and skipped slots leave a stream that a far end can follow.
#pragma once

#include "audio/resampler.h"
#include "audio/tone.h"
#include "telephony/rtp/codec.h"
#include "telephony/rtp/dtmf.h"
#include "telephony/rtp/packet.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace voxanne::telephony::rtp {

class Sender {
 public:
  // The stream's identity and where it begins; random, so that it cannot be guessed.
  Sender(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp);

  void set_format(const Format& format, int leg_rate);
  void queue_digits(std::string_view digits);

  // The datagram of this slot, good until the next call; empty when nothing goes out.
  std::span<const std::uint8_t> next(const audio::Frame& said, bool sending);
  // Slots that never came to be.
  void skip(int slots) { timestamp_ += static_cast<std::uint32_t>(slots) * ticks_per_frame; }

  std::uint32_t ssrc() const { return ssrc_; }
  std::uint32_t timestamp() const { return timestamp_; }  // of the next slot
  std::uint32_t packets() const { return packets_; }
  std::uint32_t octets() const { return octets_; }  // of payload

 private:
  std::span<const std::uint8_t> finish(std::uint8_t payload_type, std::uint32_t timestamp, bool marker,
                                       std::size_t payload);
  void fill_tone(const DigitSender::Due& digit, std::span<audio::Sample> out);
  std::span<std::uint8_t> payload() { return std::span{packet_}.subspan(header_size); }

  const std::uint32_t ssrc_;
  std::uint16_t sequence_;
  std::uint32_t timestamp_;
  std::uint32_t packets_ = 0, octets_ = 0;
  bool talkspurt_begins_ = true;

  Format format_;
  std::optional<Encoder> encoder_;
  std::optional<audio::Resampler> resampler_;
  DigitSender digits_;
  std::optional<audio::Tone> tone_;  // the digit under way, when the far end takes no events
  std::array<std::uint8_t, header_size + ticks_per_frame> packet_{};
};

}  // namespace voxanne::telephony::rtp
