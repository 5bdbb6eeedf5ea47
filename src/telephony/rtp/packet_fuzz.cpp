// RTP packets: refused, or a payload inside the datagram; what is written back reads the same.
#include "telephony/rtp/packet.h"

#include <cstdlib>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::telephony::rtp;
  Packet packet;
  if (parse({data, size}, packet) != Flaw::none) return 0;
  if (packet.payload.data() < data + header_size ||
      packet.payload.data() + packet.payload.size() > data + size)
    std::abort();
  std::vector<std::uint8_t> bytes(header_size);
  write(packet.header, std::span{bytes}.first<header_size>());
  bytes.insert(bytes.end(), packet.payload.begin(), packet.payload.end());
  Packet again;
  if (parse(bytes, again) != Flaw::none || again.header.sequence != packet.header.sequence ||
      again.header.timestamp != packet.header.timestamp || again.header.ssrc != packet.header.ssrc ||
      again.header.marker != packet.header.marker ||
      again.header.payload_type != packet.header.payload_type ||
      again.payload.size() != packet.payload.size())
    std::abort();
  return 0;
}
