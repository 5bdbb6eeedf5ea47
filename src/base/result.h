// Result<T>: what can be expected to fail returns one; broken invariants throw.
//
// An Error is written for whoever can mend it: `message` says what is wrong and how to mend it,
// `code` is the stable snake_case word that HTTP problem bodies, logs and tests use, and `kind`
// decides how a boundary answers (HTTP status, SIP response, exit code). Neither may hold personal
// data or secrets: both are logged.
#pragma once

#include <boost/system/result.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace voxanne {

enum class Fault {
  malformed,         // the input cannot be read (400)
  unauthenticated,   // no or bad credentials (401)
  forbidden,         // known, but not allowed (403)
  not_found,         // unknown, or another organization's (404)
  conflict,          // contradicts what is stored (409)
  too_large,         // over a limit (413)
  unsupported_type,  // wrong media type or encoding (415)
  impossible,        // well-formed but cannot be done (422)
  rate_limited,      // too often; see retry_after (429)
  unavailable,       // a dependency is away or the server is full; see retry_after (503)
  timed_out,         // a deadline passed (504 / 408)
  cancelled,         // the asker went away: an outcome, not an error to report
  internal,          // ours (500)
};

struct Error {
  Fault kind = Fault::internal;
  std::string code;
  std::string message;
  std::optional<std::chrono::seconds> retry_after{};
};

[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

// What Result::value() throws when there is none: a broken invariant, since the caller asserted it.
class BadResult : public std::runtime_error {
 public:
  explicit BadResult(Error error)
      : std::runtime_error(error.code + ": " + error.message), error_(std::move(error)) {}
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

template <class T = void>
using Result = boost::system::result<T, Error>;

inline Error malformed(std::string code, std::string message) {
  return {Fault::malformed, std::move(code), std::move(message)};
}
inline Error not_found(std::string code, std::string message) {
  return {Fault::not_found, std::move(code), std::move(message)};
}
inline Error unavailable(std::string code, std::string message) {
  return {Fault::unavailable, std::move(code), std::move(message)};
}
inline Error internal(std::string code, std::string message) {
  return {Fault::internal, std::move(code), std::move(message)};
}
inline Error cancelled() { return {Fault::cancelled, "cancelled", "the operation was cancelled"}; }
inline Error timed_out(std::string code, std::string message) {
  return {Fault::timed_out, std::move(code), std::move(message)};
}

}  // namespace voxanne
