// RTP packets, bytes ↔ values (RFC 3550 section 5.1). Pure; the payload is a view into the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace voxanne::telephony::rtp {

struct Header {
  bool marker = false;
  std::uint8_t payload_type = 0;  // 0–127
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
};

struct Packet {
  Header header;
  std::span<const std::uint8_t> payload;  // without CSRC list, extension and padding
};

// What makes a datagram no RTP (or RTCP) packet.
enum class Flaw { none, too_short, wrong_version, bad_extension, bad_padding, bad_length, not_rtcp };

[[nodiscard]] Flaw parse(std::span<const std::uint8_t> datagram, Packet& out);

inline constexpr std::size_t header_size = 12;
void write(const Header& header, std::span<std::uint8_t, header_size> out);

}  // namespace voxanne::telephony::rtp
