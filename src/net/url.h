// URLs of ours and of others (RFC 3986), parsed strictly. Values.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace voxanne::net {

struct Url {
  std::string scheme;      // lower case
  std::string host;        // lower case, decoded; an IPv6 address without its brackets
  std::uint16_t port = 0;  // the scheme's own where none was written; 0 for schemes without one
  std::string path;        // as written, percent-encoded; "/" when empty
  std::string query;       // after "?", as written
  std::string user;        // decoded
  std::string password;    // decoded: a secret; never log it

  bool secure() const { return scheme == "https" || scheme == "wss"; }
  std::string target() const { return query.empty() ? path : path + "?" + query; }
  std::string authority() const;  // host[:port], port left out when it is the scheme's own
  std::string origin() const;     // scheme://authority (RFC 6454)
};

// Absolute URLs with a host. Errors: malformed (bad_url), without the text, which may hold secrets.
Result<Url> parse_url(std::string_view text);

std::string percent_encode(std::string_view text);  // everything but unreserved characters

}  // namespace voxanne::net
