// JSON Web Tokens (RFC 7519) signed with HS256: the signature by cjose, the claims by our own
// strict check. The algorithm is fixed by the key (RFC 8725 §3.1): `none`, RS256 and whatever else
// a header may name is refused before anything is computed; so are `crit`, `b64`, nested tokens
// and tokens over 8 KiB.
//
//   organization  app_metadata.org_id (Supabase), else org_id; none: forbidden (no_organization)
//   role          app_metadata.role, else role, else viewer; an unknown word is viewer
//   exp           required; nbf and iat honoured; 30 s of skew
//   aud, iss      must match when configured; when not, tokens that carry them pass
//
// Errors: unauthenticated (invalid_token, expired_token), whose messages name the claim but never
// quote the token.
#pragma once

#include "api/identity.h"
#include "base/result.h"
#include "base/secret.h"

#include <memory>
#include <string>
#include <string_view>

namespace voxanne::api {

struct TokenRules {
  std::string audience;  // empty: not checked
  std::string issuer;
  seconds skew{30};
};

struct TokenClaims {
  OrgId org;
  Role role = Role::viewer;
  std::string subject;
  std::string issuer;  // sign(): left out when empty
  std::string audience;
  UtcTime issued_at{};
  UtcTime expires_at{};
};

// One HS256 key. Immutable; any thread may verify (each call works on its own parsed token).
class TokenKey {
 public:
  // At least 32 bytes (RFC 7518 §3.2). Errors: malformed (short_secret).
  static Result<TokenKey> make(const Secret& secret);
  TokenKey(const TokenKey&) = default;
  TokenKey& operator=(const TokenKey&) = default;

  Result<Identity> verify(std::string_view token, const TokenRules& rules, UtcTime now) const;
  std::string sign(const TokenClaims& claims) const;

 private:
  struct Jwk;
  explicit TokenKey(std::shared_ptr<const Jwk> jwk) : jwk_(std::move(jwk)) {}
  std::shared_ptr<const Jwk> jwk_;
};

}  // namespace voxanne::api
