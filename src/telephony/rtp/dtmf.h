// Digits as telephone-event packets (RFC 4733): the payload, and both ends of sending a key press.
// Pure: packets and slots in, values out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace voxanne::telephony::rtp {

struct Event {
  std::uint8_t code = 0;  // 0–15: 0-9 * # A-D
  bool end = false;
  std::uint8_t volume = 10;    // 0–63, in -dBm0
  std::uint16_t duration = 0;  // so far, in ticks of the RTP clock
};

inline constexpr std::size_t event_size = 4;

// nullopt: too short. Bytes after the first event are not looked at.
std::optional<Event> parse_event(std::span<const std::uint8_t> payload);
std::array<std::uint8_t, event_size> write_event(const Event& event);

std::optional<char> digit_of(std::uint8_t code);
std::optional<std::uint8_t> code_of(char digit);  // a-d too

// Packets of key presses in, each press out once: all packets of a press carry the timestamp of its
// beginning, so any of them suffices and the others are repetitions.
class DigitReceiver {
 public:
  std::optional<char> on_packet(std::uint32_t timestamp, std::span<const std::uint8_t> payload);
  // The stream began anew, or another one: its timestamps may lie before those seen, but that of the last
  // press with its code is still that press. There are far ends that give events an SSRC of their own
  // (against section 2.1), so that streams alternate within a press.
  void restart() { ordered_ = false; }

 private:
  bool known_ = false, ordered_ = false;
  std::uint32_t timestamp_ = 0;
  std::uint8_t code_ = 0;
  std::uint16_t duration_ = 0;
};

// Key presses to be sent: each lasts 100 ms (five packets, the last with the end bit and sent twice
// more, section 2.5.1.4) and is followed by 60 ms of audio.
class DigitSender {
 public:
  static constexpr std::size_t max_queued = 64;

  // Characters that are no digits are left out, and so is what exceeds max_queued.
  void queue(std::string_view digits);
  bool idle() const { return queue_.empty() && slot_ == 0; }

  struct Due {
    Event event;
    std::uint32_t timestamp = 0;
    bool first = false;  // carries the marker
  };
  // Once per 20 ms slot; `now` is the slot's RTP timestamp. Set: this goes out in place of audio.
  std::optional<Due> next(std::uint32_t now);

 private:
  std::string queue_;
  int slot_ = 0;  // of the press under way; 0: none
  std::uint8_t code_ = 0;
  std::uint32_t began_ = 0;
};

}  // namespace voxanne::telephony::rtp
