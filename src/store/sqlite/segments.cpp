#include "store/sqlite/segments.h"

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::store {
namespace {

constexpr std::size_t gathering_level = 16;
constexpr std::size_t cookie_bytes = 4;

using Segment = std::array<std::uint64_t, 3>;  // its id, its first and its last page
struct Level {
  std::uint64_t merging = 0;  // so many of its segments, the oldest
  std::vector<Segment> segments;
};
struct Structure {
  std::string_view cookie;
  std::uint64_t writes = 0;
  std::vector<Level> levels;
};

std::optional<std::uint64_t> take_varint(std::string_view& rest) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const auto byte = static_cast<unsigned char>(rest[i]);
    const bool ninth = i == 8;
    value = ninth ? value << 8 | byte : value << 7 | (byte & 0x7f);
    if (!ninth && (byte & 0x80)) continue;
    rest.remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

// Of numbers below 2^56.
void append_varint(std::string& out, std::uint64_t value) {
  int shift = 0;
  while (shift < 49 && value >> (shift + 7) != 0) shift += 7;
  for (; shift > 0; shift -= 7) out.push_back(static_cast<char>(0x80 | (value >> shift & 0x7f)));
  out.push_back(static_cast<char>(value & 0x7f));
}

std::optional<Structure> parse(std::string_view block) {
  if (block.size() < cookie_bytes) return std::nullopt;
  Structure out{block.substr(0, cookie_bytes), 0, {}};
  block.remove_prefix(cookie_bytes);
  const auto levels = take_varint(block), all = take_varint(block), writes = take_varint(block);
  if (!levels || !all || !writes || *levels > block.size()) return std::nullopt;
  out.writes = *writes;
  std::size_t seen = 0;
  for (std::uint64_t i = 0; i < *levels; ++i) {
    const auto merging = take_varint(block), count = take_varint(block);
    if (!merging || !count || *count > block.size() || *merging > *count) return std::nullopt;
    Level& level = out.levels.emplace_back(Level{.merging = *merging, .segments = {}});
    for (std::uint64_t j = 0; j < *count; ++j, ++seen) {
      Segment& segment = level.segments.emplace_back();
      for (auto& part : segment) {
        const auto number = take_varint(block);
        if (!number) return std::nullopt;
        part = *number;
      }
    }
  }
  if (seen != *all) return std::nullopt;
  return out;
}

std::string gathered(const Structure& structure) {
  std::string segments;
  std::uint64_t count = 0;
  for (auto level = structure.levels.rbegin(); level != structure.levels.rend(); ++level)
    for (const Segment& segment : level->segments) {
      for (const auto part : segment) append_varint(segments, part);
      ++count;
    }
  std::string out{structure.cookie};
  append_varint(out, gathering_level + 1);
  append_varint(out, count);
  append_varint(out, structure.writes);
  out.append(2 * gathering_level, '\0');  // levels of which nothing is merged, and which have nothing
  append_varint(out, 0);
  append_varint(out, count);
  return out + segments;
}

// Nothing after an error, which is answered.
std::optional<Structure> structure_from(sqlite3_context* context, sqlite3_value* value) {
  const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
  auto structure = parse(bytes ? std::string_view{bytes, static_cast<std::size_t>(sqlite3_value_bytes(value))}
                               : std::string_view{});
  if (!structure) sqlite3_result_error(context, "the structure record of a search index is malformed", -1);
  return structure;
}

void answer_gathered(sqlite3_context* context, int, sqlite3_value** values) {
  const auto structure = structure_from(context, values[0]);
  if (!structure) return;
  const std::string out = gathered(*structure);
  sqlite3_result_blob64(context, out.data(), out.size(), SQLITE_TRANSIENT);
}

void answer_gathering(sqlite3_context* context, int, sqlite3_value** values) {
  const auto structure = structure_from(context, values[0]);
  if (!structure) return;
  const auto& levels = structure->levels;
  sqlite3_result_int(context, levels.size() > gathering_level && levels[gathering_level].merging > 0);
}

}  // namespace

int add_segment_functions(sqlite3* db) {
  constexpr int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
  const int code = sqlite3_create_function_v2(db, "search_gathered", 1, flags, nullptr, answer_gathered,
                                              nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return code;
  return sqlite3_create_function_v2(db, "search_gathering", 1, flags, nullptr, answer_gathering, nullptr,
                                    nullptr, nullptr);
}

}  // namespace voxanne::store
