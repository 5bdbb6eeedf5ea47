// Takes personal data and secrets out of what is sent to the error tracking: phone numbers, e-mail
// addresses, tokens, passwords in URLs and in name=value pairs, and whole fields that carry a caller's
// words or name. Errs on the side of taking too much. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace voxanne::ops::sentry {

// Of a message: what looks like one of those becomes [number], [email], [token] or [redacted]; cut to
// `limit` bytes at a UTF-8 boundary; bytes that are not UTF-8 are left to the JSON encoder.
std::string scrub(std::string_view text, std::size_t limit = 1'024);

// Of a log field: a key that names words, names, numbers or secrets hides its value altogether; ids
// (requestId, callId …) are kept as they are, when they are sane.
std::string scrub_field(std::string_view key, std::string_view value);

}  // namespace voxanne::ops::sentry
