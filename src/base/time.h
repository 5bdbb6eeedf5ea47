// Time points and their text. Intervals are measured on the steady clock; what is stored or shown
// is UTC with millisecond resolution (RFC 3339). Nothing outside async::Clock reads a clock for a
// decision, so that whole calls run on a virtual one.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace voxanne {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;

using SteadyTime = std::chrono::steady_clock::time_point;
using UtcTime = std::chrono::sys_time<milliseconds>;

// "2026-11-23T00:48:43.000Z"
std::string to_rfc3339(UtcTime time);
// Appends the same 24 characters; the hot lists' path.
void append_rfc3339(std::string& out, UtcTime time);
// Accepts any RFC 3339 date-time with offset; fractions beyond milliseconds are cut.
std::optional<UtcTime> parse_rfc3339(std::string_view text);

inline std::int64_t to_unix_ms(UtcTime time) { return time.time_since_epoch().count(); }
inline UtcTime from_unix_ms(std::int64_t ms) { return UtcTime{milliseconds{ms}}; }

}  // namespace voxanne
