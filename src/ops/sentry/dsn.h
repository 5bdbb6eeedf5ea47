// A Sentry DSN: whom to tell. `https://PUBLIC@HOST[:PORT][/PREFIX]/PROJECT`; a secret after the public
// key (as old ones have) is dropped. Values only.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace voxanne::ops::sentry {

struct Dsn {
  std::string text;          // without a secret
  std::string public_key;    // 1–64 of [A-Za-z0-9_-]
  std::string envelope_url;  // where envelopes are posted
};

// Error: malformed (bad_dsn), which says what a DSN looks like.
Result<Dsn> parse_dsn(std::string_view text);

// The X-Sentry-Auth header's value.
std::string auth_header(const Dsn& dsn);

inline constexpr std::string_view client_name = "voxanne";

}  // namespace voxanne::ops::sentry
