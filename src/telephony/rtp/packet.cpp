#include "telephony/rtp/packet.h"

#include "telephony/rtp/bytes.h"

namespace voxanne::telephony::rtp {

Flaw parse(std::span<const std::uint8_t> datagram, Packet& out) {
  if (datagram.size() < header_size) return Flaw::too_short;
  if (datagram[0] >> 6 != 2) return Flaw::wrong_version;
  const bool padded = datagram[0] & 0x20, extended = datagram[0] & 0x10;
  out.header = {.marker = (datagram[1] & 0x80) != 0,
                .payload_type = static_cast<std::uint8_t>(datagram[1] & 0x7F),
                .sequence = get16(datagram, 2),
                .timestamp = get32(datagram, 4),
                .ssrc = get32(datagram, 8)};
  std::size_t begin = header_size + 4 * (datagram[0] & 0x0Fu);
  if (begin > datagram.size()) return Flaw::too_short;
  if (extended) {
    if (datagram.size() - begin < 4) return Flaw::bad_extension;
    begin += 4 + 4 * std::size_t{get16(datagram, begin + 2)};
    if (begin > datagram.size()) return Flaw::bad_extension;
  }
  std::size_t end = datagram.size();
  if (padded) {
    const std::size_t padding = datagram.back();
    if (padding == 0 || padding > end - begin) return Flaw::bad_padding;
    end -= padding;
  }
  out.payload = datagram.subspan(begin, end - begin);
  return Flaw::none;
}

void write(const Header& header, std::span<std::uint8_t, header_size> out) {
  out[0] = 2 << 6;
  out[1] = static_cast<std::uint8_t>((header.marker ? 0x80 : 0) | (header.payload_type & 0x7F));
  put16(out, 2, header.sequence);
  put32(out, 4, header.timestamp);
  put32(out, 8, header.ssrc);
}

}  // namespace voxanne::telephony::rtp
