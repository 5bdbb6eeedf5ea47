// Where a newest-first list goes on: the position of the last row shown. To clients it is an opaque
// string (base64url); a page costs the same at any depth because the index is entered at it.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace voxanne::store {

struct Cursor {
  std::int64_t created_at = std::numeric_limits<std::int64_t>::max();  // unix ms
  std::int64_t seq = std::numeric_limits<std::int64_t>::max();         // breaks ties

  auto operator<=>(const Cursor&) const = default;
};

std::string to_string(const Cursor& cursor);
// Error: malformed (bad_cursor).
Result<Cursor> parse_cursor(std::string_view text);

}  // namespace voxanne::store
