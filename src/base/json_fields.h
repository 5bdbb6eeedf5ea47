// Appending `key` and a value to a JSON text, for answers that are written straight from columns.
// `key` is everything up to the value: R"(,"startedAt":)".
#pragma once

#include "base/json_text.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne {

// null when empty: what is unknown.
inline void append_text(std::string& out, std::string_view key, std::string_view text) {
  out.append(key);
  if (text.empty())
    out.append("null");
  else
    append_json_string(out, text);
}

inline void append_string(std::string& out, std::string_view key, std::string_view text) {
  out.append(key);
  append_json_string(out, text);
}

inline void append_time(std::string& out, std::string_view key, const std::optional<UtcTime>& time) {
  out.append(key);
  if (!time) {
    out.append("null");
    return;
  }
  out.push_back('"');
  append_rfc3339(out, *time);
  out.push_back('"');
}

inline void append_int(std::string& out, std::string_view key, const std::optional<std::int64_t>& number) {
  out.append(key);
  if (number)
    append_json_int(out, *number);
  else
    out.append("null");
}

inline void append_number(std::string& out, std::string_view key, const std::optional<double>& number) {
  out.append(key);
  if (number)
    append_json_double(out, *number);
  else
    out.append("null");
}

inline void append_flag(std::string& out, std::string_view key, bool flag) {
  out.append(key).append(flag ? "true" : "false");
}

}  // namespace voxanne
