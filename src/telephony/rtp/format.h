// What an RTP stream carries and which way, as SDP negotiates it (RFC 3551, RFC 3264).
#pragma once

#include "audio/frame.h"

#include <cstdint>
#include <optional>

namespace voxanne::telephony::rtp {

enum class Codec : std::uint8_t { pcmu, pcma, g722 };

struct Format {
  Codec codec = Codec::pcmu;
  std::uint8_t payload_type = 0;
  std::optional<std::uint8_t> event_type;  // of telephone-event/8000; absent: digits go out as tones
};

// Ours: recv_only is what we answer to the far end's sendonly (it holds us, perhaps with music).
enum class Direction : std::uint8_t { send_recv, send_only, recv_only, inactive };

constexpr bool sends(Direction d) { return d == Direction::send_recv || d == Direction::send_only; }
constexpr bool receives(Direction d) { return d == Direction::send_recv || d == Direction::recv_only; }

// The static payload types (RFC 3551, table 4).
constexpr std::uint8_t static_payload_type(Codec codec) {
  return codec == Codec::pcmu ? 0 : codec == Codec::pcma ? 8 : 9;
}

// The rate of the audio. The RTP clock is 8000 in all three: G.722 is declared as such by an old
// error that RFC 3551 section 4.5.2 made law. All three are 64 kbit/s, so one byte of payload is
// one tick of the RTP clock.
constexpr int sample_rate(Codec codec) { return codec == Codec::g722 ? audio::wideband : audio::narrowband; }

inline constexpr std::uint32_t ticks_per_frame = 160;

}  // namespace voxanne::telephony::rtp
