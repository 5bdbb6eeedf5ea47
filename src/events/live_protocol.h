// The messages of `WS /ws/live-calls`, in and out: pure functions. RFC 8259 objects with a `type`;
// unknown fields are ignored, unknown types are errors.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "events/bus.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace voxanne::events {

struct Ping {};
struct Subscribe {
  std::string token;  // empty: none was shown
  std::optional<Since> since;
};
using LiveRequest = std::variant<Ping, Subscribe>;

// Errors: malformed (bad_message), whose message fits a close reason (123 bytes).
Result<LiveRequest> parse_live_request(std::string_view text);

// `seq`: the organization's last event when the subscription began.
std::string subscribed_message(const OrgId& org, std::string_view epoch, std::uint64_t seq);
std::string resync_message(std::string_view epoch, std::uint64_t seq);
inline constexpr std::string_view pong_message = R"({"type":"pong"})";

}  // namespace voxanne::events
