// A signed JSON Web Token in compact form (RFC 7515, RFC 7519), read strictly before anything is
// computed: three base64url segments without spare bits, at most 8 KiB, header and payload JSON
// objects without a member named twice, an algorithm of ours, nothing that a header may ask for
// (crit, b64, zip, …). What a header says of keys (jku, x5u, jwk, x5c) is not read at all: keys come
// from configuration, and `kid` only chooses among them.
//
// Values and pure functions; any thread. Errors: unauthenticated (invalid_token, expired_token),
// whose messages name the claim but never quote the token.
#pragma once

#include "api/identity.h"
#include "base/result.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace voxanne::api {

enum class Algorithm : std::uint8_t { hs256, rs256, es256 };
std::string_view to_string(Algorithm algorithm);

inline constexpr std::size_t max_token_bytes = 8 * 1024;

Error invalid_token(std::string message);

struct Jws {
  std::string_view text;           // all of it; the caller's
  std::string_view signing_input;  // header.payload
  Algorithm algorithm = Algorithm::hs256;
  std::string kid;  // empty: none
  std::string signature;
  std::string_view payload;  // still encoded: not read before the signature is known to be good

  static Result<Jws> parse(std::string_view token);
};

// Who may have made a token and for whom: what its claims must say.
struct TokenRules {
  std::string audience;  // empty: not checked
  std::string issuer;
  // For clocks that disagree: nbf and iat may lie this far ahead. An expired token is expired.
  seconds skew{10};
};

// The claims of a token whose signature has been verified.
//
//   organization  app_metadata.org_id (Supabase), else org_id; none: forbidden (no_organization)
//   role          app_metadata.role; none or an unknown word: viewer, and not stated by the token
//   sub           who it is; sid: the login session, in tokens of ours only
//   exp           required; nbf and iat honoured
//   aud, iss      must match where the rules name them
Result<Identity> read_claims(const Jws& token, const TokenRules& rules, UtcTime now);

}  // namespace voxanne::api
