#include "store/journal/frame.h"

#include <zlib.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace voxanne::store {
namespace {

static_assert(std::endian::native == std::endian::little, "journals are written in host order");

constexpr std::string_view segment_magic = "VXJRNL1\n", frame_magic = "VXBF";
constexpr std::size_t frame_head = 4 + 4 + 4;

std::uint32_t crc_of(std::string_view bytes, std::uint32_t so_far = 0) {
  return static_cast<std::uint32_t>(
      crc32(so_far, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

void put(std::string& out, std::uint32_t value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

std::uint32_t get(std::string_view bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// Whether a frame's head stands here; its payload may be cut short.
bool is_head(std::string_view rest) {
  return rest.size() >= frame_head && rest.starts_with(frame_magic) &&
         get(rest.substr(4)) <= max_frame_payload;
}

std::optional<Found> whole_frame(std::string_view rest) {
  if (!is_head(rest)) return std::nullopt;
  const std::size_t length = get(rest.substr(4));
  if (rest.size() - frame_head < length) return std::nullopt;
  const std::string_view payload = rest.substr(frame_head, length);
  if (crc_of(payload, crc_of(rest.substr(4, 4))) != get(rest.substr(8))) return std::nullopt;
  return Found{Found::Kind::frame, frame_head + length, payload};
}

}  // namespace

std::string segment_header(std::string_view database) {
  if (database.size() > 255) throw std::length_error("the identity of a database is too long");
  std::string out{segment_magic};
  out.push_back(static_cast<char>(database.size()));
  out.append(database);
  put(out, crc_of(out));
  return out;
}

std::optional<SegmentHeader> parse_segment_header(std::string_view bytes) {
  const std::size_t fixed = segment_magic.size() + 1;
  if (bytes.size() < fixed || !bytes.starts_with(segment_magic)) return std::nullopt;
  const auto length = static_cast<std::uint8_t>(bytes[segment_magic.size()]);
  if (bytes.size() < fixed + length + 4) return std::nullopt;
  if (get(bytes.substr(fixed + length)) != crc_of(bytes.substr(0, fixed + length))) return std::nullopt;
  return SegmentHeader{std::string{bytes.substr(fixed, length)}, fixed + length + 4};
}

void append_frame(std::string& out, std::string_view payload) {
  if (payload.size() > max_frame_payload) throw std::length_error("a frame too large for the journal");
  std::string length;
  put(length, static_cast<std::uint32_t>(payload.size()));
  out.append(frame_magic).append(length);
  put(out, crc_of(payload, crc_of(length)));
  out.append(payload);
}

Found next_frame(std::string_view rest) {
  if (rest.empty()) return {};
  if (const auto whole = whole_frame(rest)) return *whole;
  for (std::size_t at = rest.find(frame_magic, 1); at != std::string_view::npos;
       at = rest.find(frame_magic, at + 1))
    if (whole_frame(rest.substr(at))) return {Found::Kind::damaged, at, {}};
  // All the bytes that the head promises are there, so that it was not cut short.
  if (is_head(rest) && rest.size() - frame_head >= get(rest.substr(4)))
    return {Found::Kind::damaged, frame_head + get(rest.substr(4)), {}};
  return {Found::Kind::torn, rest.size(), {}};
}

}  // namespace voxanne::store
