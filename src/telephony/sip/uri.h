// The SIP URIs that the operator gives (a trunk, a target to dial), RFC 3261 section 19.1, in the
// strict form that can be written into a request line as it is: sip:user@host:port;transport=tcp.
// Pure; any thread.
#pragma once

#include "base/result.h"
#include "telephony/sip/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace voxanne::telephony::sip {

struct Uri {
  std::string user;        // escaped, as in the text; empty where there is none
  std::string host;        // a name, an IPv4 address or [an IPv6 address]
  std::uint16_t port = 0;  // 0: the default, or what DNS says
  std::optional<Transport> transport;

  std::optional<Address> address() const;  // the host, where it is one
  bool operator==(const Uri&) const = default;
};

// "localhost" is read as 127.0.0.1: no DNS server need know it.
Result<Uri> parse_uri(std::string_view text);
std::string to_string(const Uri& uri);

// A user part with every character escaped that may not stand there (RFC 3261 section 25.1), and
// back; nullopt where an escape is broken or hides a control character.
std::string escape_user(std::string_view text);
std::optional<std::string> unescape_user(std::string_view text);

}  // namespace voxanne::telephony::sip
