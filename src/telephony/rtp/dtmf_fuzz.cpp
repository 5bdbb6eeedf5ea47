// Key presses: telephone-event payloads of any length in a row, each after two bytes that move the
// timestamp on and one for its length. Only digits come out, and no more than packets went in.
#include "telephony/rtp/dtmf.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::telephony::rtp;
  DigitReceiver receiver;
  std::uint32_t timestamp = 0;
  std::span<const std::uint8_t> rest{data, size};
  while (rest.size() >= 3) {
    timestamp += static_cast<std::uint32_t>(rest[0] << 8 | rest[1]) << (rest[2] & 0x80 ? 14 : 0);
    const std::size_t length = std::min<std::size_t>(rest[2] & 7, rest.size() - 3);
    const auto payload = rest.subspan(3, length);
    const auto digit = receiver.on_packet(timestamp, payload);
    if (digit && std::string_view{"0123456789*#ABCD"}.find(*digit) == std::string_view::npos) std::abort();
    if (digit && (payload.size() < event_size || digit != digit_of(payload[0]))) std::abort();
    if (receiver.on_packet(timestamp, payload)) std::abort();  // a repetition is no press
    if (const auto event = parse_event(payload)) {
      const auto again = parse_event(write_event(*event));
      if (again->code != event->code || again->end != event->end || again->duration != event->duration)
        std::abort();
    }
    rest = rest.subspan(3 + length);
  }
  return 0;
}
