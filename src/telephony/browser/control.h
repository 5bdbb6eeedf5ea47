// The text messages of `WS /ws/web-call`, in and out: pure functions. RFC 8259 objects with a
// `type`; unknown fields are ignored, unknown types are errors.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "domain/call.h"

#include <string>
#include <string_view>
#include <variant>

namespace voxanne::telephony::browser {

struct Subscribe {
  std::string token;  // empty: none was shown
};
struct Start {};
struct Dtmf {
  std::string digits;  // 1–32 of 0-9 * # A-D
};
struct Mark {
  std::string name;  // echoed once everything before it was played or cleared
};
struct Hangup {};
using Control = std::variant<Subscribe, Start, Dtmf, Mark, Hangup>;

// Errors: malformed (bad_control), whose message fits a close reason (123 bytes).
Result<Control> parse_control(std::string_view text);

std::string subscribed_message(const OrgId& org);
std::string ready_message(const CallId& call);
std::string transcript_message(domain::Speaker speaker, std::string_view text, bool final);
std::string mark_message(std::string_view name);
std::string ended_message(std::string_view reason);
inline constexpr std::string_view clear_message = R"({"type":"clear"})";

}  // namespace voxanne::telephony::browser
