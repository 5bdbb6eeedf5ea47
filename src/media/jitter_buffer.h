// Puts RTP audio back into the order and rhythm in which it was spoken. For codecs of 64 kbit/s with
// an RTP clock of 8000 (G.711, G.722): one byte of payload is one tick, so packets of any length are
// written into one line of bytes and read from it in cells of 10 ms.
//
//   put(packet)    as it comes from the socket: reordered, twice, late, not at all
//   pop()          one cell per 10 ms (two per 20 ms slot): voice | lost | none
//
//          ◀── delay ──▶
//   ──┬────┬────┬────┬────┬────┬────▶ timestamp
//     │cell│cell│    │cell│cell│          the empty one will be lost when its time comes,
//   ──┴────┴────┴────┴────┴────┴────      unless its packet still comes
//     ▲ pop                     ▲ put
//
// The delay adapts to the network by what happens: when nothing is there in time, playing waits
// (the caller conceals) and everything after it plays that much later; after packets came late out
// of order it waits for gaps to fill, too. When for a second even the tardiest packet came with
// time to spare, should_shorten() says so and the caller leaves out a cell, best where it is quiet. So the
// delay is 20 ms on a good line, follows a bad one up to 200 ms, and drifting clocks even out. A burst after
// a stall is kept up to 640 ms and caught up.
//
// Packets that are not audio (digits, comfort noise) are put too: they take part in the sequence,
// so they are not taken for lost, and tell that the gap in the audio is meant.
//
// Executor: the shard. No allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace voxanne::media {

class JitterBuffer {
 public:
  static constexpr std::uint32_t cell_ticks = 80;
  static constexpr std::uint32_t capacity_cells = 64;

  struct Packet {
    std::uint32_t ssrc = 0;
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0;
    bool audio = true;
    std::span<const std::uint8_t> payload{};
  };

  enum class Put {
    queued,
    late,       // its time has passed
    duplicate,  // was here already
    // It does not continue the stream (another SSRC, a leap in sequence or timestamp) and waits to
    // be confirmed by the next packet, lest one stray packet disturb the stream.
    suspect,
    resynchronized,  // queued as the beginning of a new stream
  };
  Put put(const Packet& packet);

  enum class Kind {
    voice,  // bytes are there
    lost,   // somebody spoke here, but it is not here: conceal
    none,   // nobody spoke: before the first packet, in a pause, after the stream has ended
  };
  struct Cell {
    Kind kind = Kind::none;
    std::array<std::uint8_t, cell_ticks> bytes;  // set for voice
  };
  Kind pop(Cell& cell);

  // Whether the next cell had better be left out, because the delay is longer than the network asks
  // for; `quiet` says that hardly anything would be missed. After true, pop one more.
  bool should_shorten(bool quiet);

  // What is buffered from the next cell to the last packet, in milliseconds.
  int delay_ms() const;

  // Forget everything; the next packet begins a stream.
  void reset() { *this = JitterBuffer{}; }

 private:
  struct Slot {
    std::uint8_t from = 0, to = 0;  // what of it is filled
    bool pause = false;             // the sender said nothing here, on purpose
    std::array<std::uint8_t, cell_ticks> bytes;
  };
  enum class State : std::uint8_t { idle, filling, playing };

  bool follows_suspect(const Packet& packet) const;
  Put hold_suspect(const Packet& packet);
  Put begin(const Packet& packet);
  Put put_reordered(const Packet& packet);
  std::int64_t note_lead(std::int64_t at);
  void play_from(std::uint32_t timestamp);
  void write(std::int64_t at, std::span<const std::uint8_t> payload);
  void advance();
  Slot& slot(std::int64_t cell) {
    return slots_[(head_ + static_cast<std::uint32_t>(cell)) % capacity_cells];
  }
  void clear(Slot& slot);

  static constexpr std::int64_t no_lead = INT64_MAX;

  State state_ = State::idle;
  bool known_ = false;     // a stream was seen: the following four are its
  bool in_pause_ = false;  // its last packet was not audio
  std::uint32_t ssrc_ = 0;
  std::uint16_t highest_ = 0;
  std::uint64_t seen_ = 0;  // bit n: sequence number highest_ - n

  bool suspected_ = false;
  std::uint32_t suspect_ssrc_ = 0;
  std::uint16_t suspect_sequence_ = 0;

  std::uint32_t base_ = 0;  // timestamp of the next cell
  std::int64_t end_ = 0;    // of what is buffered, in ticks from base_
  std::uint32_t head_ = 0;
  int filling_cells_ = 0;
  int waited_cells_ = 0;  // concealed while time stood still

  // The shortest time, in ticks, that a packet came before it was due: this second, the last one.
  std::int64_t least_lead_ = no_lead, least_lead_before_ = no_lead;
  int patience_cells_ = 0;  // how long a gap is waited for
  int cells_this_second_ = 0, cells_since_shortened_ = 0;

  std::array<Slot, capacity_cells> slots_{};
};

}  // namespace voxanne::media
