#include "telephony/rtp/rtcp.h"

#include "telephony/rtp/bytes.h"

#include <algorithm>

namespace voxanne::telephony::rtp {
namespace {

constexpr std::uint8_t type_sr = 200, type_rr = 201, type_sdes = 202, type_bye = 203;
constexpr std::uint8_t sdes_cname = 1;
constexpr std::size_t report_head = 8, sender_info = 20, block_size = 24;

ReportBlock read_block(std::span<const std::uint8_t> bytes) {
  const std::uint32_t lost = get32(bytes, 4);
  return {.ssrc = get32(bytes, 0),
          .fraction_lost = static_cast<std::uint8_t>(lost >> 24),
          .cumulative_lost = static_cast<std::int32_t>(lost << 8) >> 8,
          .highest_sequence = get32(bytes, 8),
          .jitter = get32(bytes, 12),
          .last_sender_report = get32(bytes, 16),
          .delay_since_sender_report = get32(bytes, 20)};
}

Flaw read_report(std::span<const std::uint8_t> packet, std::uint32_t our_ssrc, Report& out) {
  const bool sends = packet[1] == type_sr;
  const std::size_t count = packet[0] & 0x1F;
  const std::size_t blocks = report_head + (sends ? sender_info : 0);
  if (packet.size() < blocks + count * block_size) return Flaw::bad_length;
  out.ssrc = get32(packet, 4);
  if (sends)
    out.sender = {.ntp = NtpTime{get32(packet, 8)} << 32 | get32(packet, 12),
                  .rtp = get32(packet, 16),
                  .packets = get32(packet, 20),
                  .octets = get32(packet, 24)};
  for (std::size_t i = 0; i < count; ++i) {
    const auto block = read_block(packet.subspan(blocks + i * block_size, block_size));
    if (block.ssrc == our_ssrc) out.about_us = block;
  }
  return Flaw::none;
}

}  // namespace

Flaw parse_rtcp(std::span<const std::uint8_t> datagram, std::uint32_t our_ssrc, Report& out) {
  if (datagram.size() < report_head) return Flaw::too_short;
  Report report;
  for (std::size_t at = 0; at < datagram.size();) {
    const auto rest = datagram.subspan(at);
    if (rest.size() < 4) return Flaw::bad_length;
    if (rest[0] >> 6 != 2) return Flaw::wrong_version;
    const std::size_t size = 4 * (std::size_t{get16(rest, 2)} + 1);
    if (size > rest.size()) return Flaw::bad_length;
    auto packet = rest.first(size);
    if (packet[0] & 0x20) {
      // Only the last packet may be padded; so many bytes, itself included, are no contents.
      const std::size_t padding = packet.back();
      if (at + size != datagram.size() || padding == 0 || padding % 4 != 0 || padding > size - 4)
        return Flaw::bad_padding;
      packet = packet.first(size - padding);
    }
    const std::uint8_t type = packet[1];
    if (at == 0 && type != type_sr && type != type_rr) return Flaw::not_rtcp;
    if (type == type_sr || type == type_rr) {
      if (packet.size() < report_head) return Flaw::bad_length;
      if (const Flaw flaw = read_report(packet, our_ssrc, report); flaw != Flaw::none) return flaw;
    } else if (type == type_bye) {
      report.bye = true;
    }
    at += size;
  }
  out = report;
  return Flaw::none;
}

std::size_t write_rtcp(std::span<std::uint8_t, max_rtcp_size> out, std::uint32_t ssrc,
                       const std::optional<SenderInfo>& sender, const std::optional<ReportBlock>& block,
                       std::string_view cname, bool bye) {
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  std::size_t at = 0;
  const auto head = [&](std::size_t begin, std::uint8_t count, std::uint8_t type, std::size_t size) {
    out[begin] = static_cast<std::uint8_t>(2 << 6 | count);
    out[begin + 1] = type;
    put16(out, begin + 2, static_cast<std::uint16_t>(size / 4 - 1));
    put32(out, begin + 4, ssrc);
  };
  at += report_head;
  if (sender) {
    put32(out, at, static_cast<std::uint32_t>(sender->ntp >> 32));
    put32(out, at + 4, static_cast<std::uint32_t>(sender->ntp));
    put32(out, at + 8, sender->rtp);
    put32(out, at + 12, sender->packets);
    put32(out, at + 16, sender->octets);
    at += sender_info;
  }
  if (block) {
    put32(out, at, block->ssrc);
    put32(out, at + 4,
          std::uint32_t{block->fraction_lost} << 24 |
              (static_cast<std::uint32_t>(block->cumulative_lost) & 0xFFFFFF));
    put32(out, at + 8, block->highest_sequence);
    put32(out, at + 12, block->jitter);
    put32(out, at + 16, block->last_sender_report);
    put32(out, at + 20, block->delay_since_sender_report);
    at += block_size;
  }
  head(0, block ? 1 : 0, sender ? type_sr : type_rr, at);

  const std::size_t sdes = at;
  cname = cname.substr(0, 32);
  out[sdes + 8] = sdes_cname;
  out[sdes + 9] = static_cast<std::uint8_t>(cname.size());
  std::copy(cname.begin(), cname.end(), out.begin() + static_cast<std::ptrdiff_t>(sdes) + 10);
  // The list of items ends with a zero and is filled up to a multiple of four.
  at = (sdes + 10 + cname.size()) / 4 * 4 + 4;
  head(sdes, 1, type_sdes, at - sdes);
  if (bye) {
    head(at, 1, type_bye, 8);
    at += 8;
  }
  return at;
}

}  // namespace voxanne::telephony::rtp
