// Appending JSON by hand, for the hot lists and log lines where a DOM would cost more than the
// query it shows. Everything else uses Boost.JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace voxanne {

// Appends `text` quoted and escaped (RFC 8259 §7); bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
void append_json_int(std::string& out, std::int64_t value);
void append_json_double(std::string& out, double value);  // null when not finite

// The length of the longest prefix of `text` that is valid UTF-8 (RFC 3629).
std::size_t valid_utf8_prefix(std::string_view text);
inline bool is_valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

}  // namespace voxanne
