// The jitter buffer under any order of packets and pops. What plays was put, at its place in time:
// a byte's value is made from its timestamp, and every cell must be a stretch of such bytes. The
// delay stays within the buffer and the stream comes to rest when nothing is put any more.
//
// Operations, one byte each with its arguments: the low two bits choose pop, put the next packet,
// put any packet, put an event; the others are length and flags.
#include "media/jitter_buffer.h"

#include <cstdlib>
#include <vector>

namespace {

std::uint8_t spoken(std::uint32_t timestamp) { return static_cast<std::uint8_t>(timestamp); }

struct Reader {
  const std::uint8_t* data;
  std::size_t left;
  std::uint32_t take(int bytes) {
    std::uint32_t value = 0;
    for (; bytes > 0 && left > 0; --bytes, --left) value = value << 8 | *data++;
    return value;
  }
};

bool is_a_stretch(const std::array<std::uint8_t, voxanne::media::JitterBuffer::cell_ticks>& bytes) {
  for (std::size_t i = 1; i < bytes.size(); ++i)
    if (bytes[i] != spoken(bytes[0] + static_cast<std::uint32_t>(i))) return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::media;
  Reader in{data, size};
  JitterBuffer buffer;
  JitterBuffer::Packet next{.ssrc = 1, .sequence = 0, .timestamp = 0};
  std::vector<std::uint8_t> payload;
  const auto put = [&](const JitterBuffer::Packet& at, std::size_t length) {
    payload.resize(length);
    for (std::uint32_t i = 0; i < length; ++i) payload[i] = spoken(at.timestamp + i);
    auto packet = at;
    packet.payload = payload;
    static_cast<void>(buffer.put(packet));
  };
  const auto pop = [&](bool quiet) {
    JitterBuffer::Cell cell;
    const auto kind = buffer.pop(cell);
    if (kind != cell.kind) std::abort();
    if (kind == JitterBuffer::Kind::voice) {
      if (!is_a_stretch(cell.bytes)) std::abort();
      if (buffer.should_shorten(quiet)) static_cast<void>(buffer.pop(cell));
    }
    return kind;
  };

  while (in.left > 0) {
    const auto op = in.take(1);
    const std::size_t length = op >> 3 == 31 ? 1'500 : 40 * (op >> 3);
    switch (op & 3) {
      case 0:
        for (std::uint32_t i = 0; i <= op >> 3; ++i) pop(op & 4);
        break;
      case 1:
        put(next, length);
        ++next.sequence;
        next.timestamp += static_cast<std::uint32_t>(length);
        if (op & 4) ++next.sequence, next.timestamp += 160;  // one is lost
        break;
      case 2:
        put({.ssrc = 1 + (op >> 2 & 1),
             .sequence = static_cast<std::uint16_t>(next.sequence + in.take(2)),
             .timestamp = next.timestamp + in.take(4)},
            length);
        break;
      case 3:
        static_cast<void>(buffer.put({.ssrc = next.ssrc,
                                      .sequence = next.sequence++,
                                      .timestamp = next.timestamp,
                                      .audio = false,
                                      .payload = {}}));
        if (op & 4) next.timestamp += 160 * in.take(1);
        break;
    }
    if (buffer.delay_ms() < 0 || buffer.delay_ms() > 640) std::abort();
  }
  for (int i = 0; i < 200; ++i) pop(true);
  if (pop(true) != JitterBuffer::Kind::none || buffer.delay_ms() > 640) std::abort();
  return 0;
}
