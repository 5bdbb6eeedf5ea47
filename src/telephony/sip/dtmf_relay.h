// Key presses in the body of SIP INFO: application/dtmf-relay ("Signal=5\r\nDuration=160", an old
// convention of gateways) and application/dtmf ("5"). Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

namespace voxanne::telephony::sip {

// 0-9 * # A-D; nullopt when the body names no such key.
std::optional<char> parse_dtmf_relay(std::string_view body);
std::optional<char> parse_dtmf(std::string_view body);

}  // namespace voxanne::telephony::sip
