// What RFC 3550 counts about an incoming stream: packets expected and lost (A.1, A.3), interarrival
// jitter (A.8). All packets of the stream count, whatever they carry.
#pragma once

#include <cstdint>
#include <optional>

namespace voxanne::telephony::rtp {

class Reception {
 public:
  // `arrival` is in ticks of the RTP clock, with any origin. Packets whose timestamps do not advance
  // (digits) pass timed = false: they say nothing about jitter.
  void on_packet(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp, std::uint32_t arrival,
                 bool timed);

  std::optional<std::uint32_t> ssrc() const { return known_ ? std::optional{ssrc_} : std::nullopt; }
  // Over all streams that were seen, one after the other.
  std::uint64_t received() const { return before_received_ + received_; }
  std::uint64_t lost() const { return before_lost_ + lost_now(); }
  std::uint32_t jitter_ticks() const { return static_cast<std::uint32_t>(jitter_); }

  // Of the present stream, for report blocks.
  struct Interval {
    std::uint8_t fraction_lost = 0;  // of 256, since the last call
    std::int32_t cumulative_lost = 0;
    std::uint32_t highest_sequence = 0;  // extended
  };
  Interval take_interval();

 private:
  std::uint64_t expected() const;
  std::uint64_t lost_now() const;
  void begin(std::uint32_t ssrc, std::uint16_t sequence);

  bool known_ = false;
  std::uint32_t ssrc_ = 0;
  std::uint32_t base_ = 0;     // extended sequence number of the first packet
  std::uint32_t highest_ = 0;  // extended
  std::uint64_t received_ = 0;
  std::uint64_t before_received_ = 0, before_lost_ = 0;
  std::uint64_t interval_expected_ = 0, interval_received_ = 0;
  std::optional<std::uint16_t> leap_;  // what would follow a packet far off the sequence
  std::optional<std::uint32_t> transit_;
  double jitter_ = 0;
};

}  // namespace voxanne::telephony::rtp
