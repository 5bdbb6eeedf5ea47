#include "telephony/rtp/dtmf.h"

#include "telephony/rtp/bytes.h"
#include "telephony/rtp/format.h"

#include <algorithm>

namespace voxanne::telephony::rtp {
namespace {

constexpr std::string_view digits_by_code = "0123456789*#ABCD";

constexpr int press_slots = 5;                     // 100 ms
constexpr int last_packet_slot = press_slots + 2;  // two more with the end bit
constexpr int press_and_pause_slots = last_packet_slot + 3;

}  // namespace

std::optional<Event> parse_event(std::span<const std::uint8_t> payload) {
  if (payload.size() < event_size) return std::nullopt;
  return Event{.code = payload[0],
               .end = (payload[1] & 0x80) != 0,
               .volume = static_cast<std::uint8_t>(payload[1] & 0x3F),
               .duration = get16(payload, 2)};
}

std::array<std::uint8_t, event_size> write_event(const Event& event) {
  std::array<std::uint8_t, event_size> bytes{
      event.code, static_cast<std::uint8_t>((event.end ? 0x80 : 0) | (event.volume & 0x3F))};
  put16(bytes, 2, event.duration);
  return bytes;
}

std::optional<char> digit_of(std::uint8_t code) {
  if (code >= digits_by_code.size()) return std::nullopt;
  return digits_by_code[code];
}

std::optional<std::uint8_t> code_of(char digit) {
  if (digit >= 'a' && digit <= 'd') digit = static_cast<char>(digit - 'a' + 'A');
  const auto at = digits_by_code.find(digit);
  if (at == digits_by_code.npos) return std::nullopt;
  return static_cast<std::uint8_t>(at);
}

std::optional<char> DigitReceiver::on_packet(std::uint32_t timestamp, std::span<const std::uint8_t> payload) {
  const auto event = parse_event(payload);
  if (!event || !digit_of(event->code)) return std::nullopt;
  if (known_) {
    const auto later = static_cast<std::int32_t>(timestamp - timestamp_);
    if (later == 0 && (ordered_ || event->code == code_)) {
      duration_ = std::max(duration_, event->duration);
      return std::nullopt;
    }
    if (later < 0 && ordered_) return std::nullopt;  // reordered: that press was reported
    // A press of more than 8 s goes on under a new timestamp (section 2.5.1.3).
    const bool goes_on = event->code == code_ && duration_ >= 0xFF00 && later > 0 && later <= 0x10000;
    timestamp_ = timestamp;
    duration_ = event->duration;
    if (goes_on) return std::nullopt;
  }
  known_ = ordered_ = true;
  timestamp_ = timestamp;
  code_ = event->code;
  duration_ = event->duration;
  return digit_of(event->code);
}

void DigitSender::queue(std::string_view digits) {
  for (const char digit : digits)
    if (code_of(digit) && queue_.size() < max_queued) queue_ += digit;
}

std::optional<DigitSender::Due> DigitSender::next(std::uint32_t now) {
  if (slot_ == 0) {
    if (queue_.empty()) return std::nullopt;
    code_ = *code_of(queue_.front());
    queue_.erase(0, 1);
    began_ = now;
  }
  const int slot = ++slot_;
  if (slot == press_and_pause_slots) slot_ = 0;
  if (slot > last_packet_slot) return std::nullopt;
  return Due{
      .event = {.code = code_,
                .end = slot >= press_slots,
                .duration = static_cast<std::uint16_t>(std::min(slot, press_slots) * int{ticks_per_frame})},
      .timestamp = began_,
      .first = slot == 1};
}

}  // namespace voxanne::telephony::rtp
