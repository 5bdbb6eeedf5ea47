// The format of a journal's segment: pure functions, bytes ↔ values; little endian.
//
//   header  "VXJRNL1\n" | u8 n, the database's identity | u32 CRC-32 of all before
//   frame   "VXBF" | u32 bytes of the payload | u32 CRC-32 of the payload and its length | payload
//
// A process that dies while it writes leaves a frame cut short at the end: that is torn, nobody was
// told that it is kept, and it is cut off. What is wrong anywhere else is damage.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace voxanne::store {

inline constexpr std::size_t max_frame_payload = 4u << 20;

// The identity has at most 255 bytes.
std::string segment_header(std::string_view database);
struct SegmentHeader {
  std::string database;
  std::size_t bytes = 0;
};
std::optional<SegmentHeader> parse_segment_header(std::string_view bytes);

void append_frame(std::string& out, std::string_view payload);

struct Found {
  enum class Kind {
    frame,    // `payload`
    damaged,  // up to the next whole frame, or all of what should be one
    torn,     // the rest, of which nothing is whole
    end,      // there is nothing left
  } kind = Kind::end;
  std::size_t bytes = 0;
  std::string_view payload{};
};
// What stands at the start of `rest`, the unread part of a segment up to its end.
Found next_frame(std::string_view rest);

}  // namespace voxanne::store
