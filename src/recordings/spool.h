// The format of a spool file: what a call's recording is while the call runs and until it has been
// encoded. Append-only; pure functions, bytes ↔ values; little endian.
//
//   header   "VXSPOOL1" | u16 bytes of the header | u32 rate | i64 start, Unix ms
//            | u8 n, call id | u8 n, organization id | u32 CRC-32 of all before
//   record   u8 tag | u32 number of its first slot | payload | u32 CRC-32 of all before
//     tag 0x20–0x23   one slot of 20 ms: bit 0 the caller's frame follows, then, bit 1, the
//                     assistant's; an absent frame is silence
//     tag 0x30        u16 count: slots in which both are silent
//     tag 0x31        u16 count: slots that were not recorded; they play as silence, so that what
//                     follows stays aligned
//   Without bit 5 of its tag a record has no number: none is written so, but some may still wait in a spool
//   to be stored.
//
// A frame is 160 bytes of µ-law at 8 kHz: a PCMU leg's own codes, so nothing is lost, and half the
// disk, page cache and backlog of PCM16 (16 kB/s a stereo call; A-law and concealed frames lose
// what one more G.711 hop loses). At 16 kHz it is 640 bytes of PCM16: a codec that keeps wideband
// would cost more than the disk does.
//
// Every record has its checksum, so that damage costs no whole record, before it or after it, and its
// number, so that what follows damage stays where it belongs in time. Damage that no whole record
// follows is a torn tail: what a process or a machine that died had not finished writing.
#pragma once

#include "audio/frame.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace voxanne::recordings {

struct SpoolHeader {
  CallId call;
  OrgId org;
  int rate = audio::narrowband;
  UtcTime started_at{};
};

using Bytes = std::span<const std::byte>;

inline constexpr std::size_t max_header_bytes = 8 + 2 + 4 + 8 + 2 * 129 + 4;

// Ids are is_sane_id() (at most 128 characters) and the rate is a leg's: anything else throws.
std::vector<std::byte> encode_header(const SpoolHeader& header);

struct ParsedHeader {
  SpoolHeader header;
  std::size_t bytes = 0;
};
// Errors: malformed, spool_corrupt.
Result<ParsedHeader> parse_header(Bytes bytes);

struct Record {
  enum class Kind : std::uint8_t {
    frames,
    silence,
    lost,
    damaged,  // no record, but what stands before the next one
  } kind = Kind::frames;
  std::uint64_t slots = 1;  // of what is damaged: those that are missing, perhaps none
  std::optional<std::uint32_t> first_slot;
  Bytes caller, assistant;  // encoded; empty: silence
  std::uint64_t bytes = 0;  // of the whole record
};

std::size_t max_record_bytes(int rate);
// The record at the start of `bytes`; nullopt when it is cut short or damaged.
std::optional<Record> parse_record(Bytes bytes, int rate);

// What comes after the first `slots` slots of a recording, `rest` being all that is left of it: the whole
// record that goes on from there, or what is damaged up to the next one; nullopt when none follows.
// Linear in what is damaged. Who holds only a part of what is left asks again with the next part, which
// begins max_record_bytes() - 1 before the end of this one, and says how many damaged bytes were `passed` by
// then; the answer's bytes count them.
std::optional<Record> next_record(Bytes rest, int rate, std::uint64_t slots, std::uint64_t passed = 0);

// One channel of a record as samples; an absent frame becomes silence.
void decode_frame(Bytes encoded, int rate, audio::Frame& out);

// Encodes slots into one block of memory at a time. No allocation.
class BlockEncoder {
 public:
  explicit BlockEncoder(int rate) : rate_(rate) {}

  void begin(std::span<std::byte> block);
  // False when the slot might not fit: end() this block and begin another, which goes on counting. A
  // frame of kind silence, of zeros only or of another rate is silence.
  [[nodiscard]] bool append(const audio::Frame& caller, const audio::Frame& assistant);
  // Counts slots that were not recorded; to be called first in a block.
  void append_lost(std::uint32_t slots);
  // Bytes used; the block is complete then.
  std::size_t end();

  std::uint32_t slots() const noexcept { return slots_; }  // since begin()

 private:
  std::byte* put_head(std::uint8_t tag, std::uint16_t slots);
  void put_crc(std::byte* end);
  void put_run(std::uint8_t tag, std::uint16_t slots);

  int rate_;
  std::uint32_t next_slot_ = 0;  // of the next record, whatever its block
  std::span<std::byte> block_;
  std::size_t used_ = 0;
  std::uint16_t silent_ = 0;
  std::uint32_t slots_ = 0;
};

}  // namespace voxanne::recordings
