#include "store/cursor.h"

#include "store/key_page.h"

#include "base/secret.h"

#include <charconv>

namespace voxanne::store {
namespace {

// "created_at.seq" in decimal.
bool read(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0;
}

Error bad_cursor() {
  return malformed("bad_cursor",
                   "the cursor is not one of ours: take nextCursor from the page before, unchanged");
}

}  // namespace

std::string to_string(const Cursor& cursor) {
  return to_base64url(std::to_string(cursor.created_at) + "." + std::to_string(cursor.seq));
}

Result<Cursor> parse_cursor(std::string_view text) {
  std::string plain;
  Cursor cursor;
  if (text.size() <= 64 && from_base64url(text, plain)) {
    const std::string_view all{plain};
    const auto dot = all.find('.');
    if (dot != std::string_view::npos && read(all.substr(0, dot), cursor.created_at) &&
        read(all.substr(dot + 1), cursor.seq))
      return cursor;
  }
  return bad_cursor();
}

std::string key_cursor(const std::string& key) { return to_base64url("k." + key); }

Result<std::string> parse_key_cursor(std::string_view text) {
  std::string plain;
  if (text.size() <= 512 && from_base64url(text, plain) && plain.starts_with("k.") && plain.size() > 2)
    return plain.substr(2);
  return bad_cursor();
}

}  // namespace voxanne::store
