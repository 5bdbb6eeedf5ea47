// Tokens with a shared secret (HS256): ours, and those of whoever was given JWT_SECRET, such as
// Supabase. The reading is jws.h's; the signature is cjose's.
#pragma once

#include "api/jws.h"
#include "base/secret.h"

#include <memory>
#include <string>
#include <string_view>

namespace voxanne::api {

struct TokenClaims {
  OrgId org;
  std::optional<Role> role{};  // left out: the membership decides
  std::string subject;
  std::string issuer;  // left out when empty
  std::string audience;
  UtcTime issued_at{};
  UtcTime expires_at{};
  std::string session{};  // left out when empty
};

// One HS256 key. Immutable; any thread may verify (each call works on its own parsed token).
class TokenKey {
 public:
  // At least 32 bytes (RFC 7518 §3.2). Errors: malformed (short_secret).
  static Result<TokenKey> make(const Secret& secret);
  TokenKey(const TokenKey&) = default;
  TokenKey& operator=(const TokenKey&) = default;

  // False for any algorithm but HS256.
  bool signed_this(const Jws& token) const;
  // Parsed, signed by this key, and as the rules want it.
  Result<Identity> verify(std::string_view token, const TokenRules& rules, UtcTime now) const;
  std::string sign(const TokenClaims& claims) const;

 private:
  struct Jwk;
  explicit TokenKey(std::shared_ptr<const Jwk> jwk) : jwk_(std::move(jwk)) {}
  std::shared_ptr<const Jwk> jwk_;
};

}  // namespace voxanne::api
