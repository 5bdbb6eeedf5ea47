// RTCP (RFC 3550 section 6), as much as one point-to-point stream needs: sender and receiver
// reports with one report block, the canonical name, and BYE. Pure.
#pragma once

#include "telephony/rtp/packet.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace voxanne::telephony::rtp {

// Seconds since 1900 in 32.32 bits.
using NtpTime = std::uint64_t;
constexpr std::uint32_t middle(NtpTime time) { return static_cast<std::uint32_t>(time >> 16); }

struct SenderInfo {
  NtpTime ntp = 0;
  std::uint32_t rtp = 0;
  std::uint32_t packets = 0, octets = 0;
};

struct ReportBlock {
  std::uint32_t ssrc = 0;  // whose stream it reports about
  std::uint8_t fraction_lost = 0;
  std::int32_t cumulative_lost = 0;  // 24 bits
  std::uint32_t highest_sequence = 0, jitter = 0;
  std::uint32_t last_sender_report = 0;         // middle of its NTP time; 0: none came
  std::uint32_t delay_since_sender_report = 0;  // in 1/65536 s
};

// One compound packet, reduced to what concerns us.
struct Report {
  std::uint32_t ssrc = 0;  // of its sender
  std::optional<SenderInfo> sender;
  std::optional<ReportBlock> about_us;
  bool bye = false;
};

// `our_ssrc` picks the report block. A compound packet that does not begin with a report, or whose
// lengths do not add up, is refused whole; kinds we do not know are passed over.
[[nodiscard]] Flaw parse_rtcp(std::span<const std::uint8_t> datagram, std::uint32_t our_ssrc, Report& out);

inline constexpr std::size_t max_rtcp_size = 128;
// An SR (or RR without `sender`) with SDES; the name is cut at 32 characters. The number of bytes.
std::size_t write_rtcp(std::span<std::uint8_t, max_rtcp_size> out, std::uint32_t ssrc,
                       const std::optional<SenderInfo>& sender, const std::optional<ReportBlock>& block,
                       std::string_view cname, bool bye);

}  // namespace voxanne::telephony::rtp
