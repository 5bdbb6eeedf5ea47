// A JSON Web Key Set (RFC 7517): the public keys of an identity provider, and whether one of them
// signed a token. Read strictly, since whoever can write it can let anybody in:
//
//   RSA   2048 to 8192 bits, odd exponent ≥ 65537     → RS256 only
//   EC    P-256, the point on the curve                → ES256 only
//
// Keys for anything else (`use` other than sig, key_ops without verify, another `alg`, symmetric,
// private or weak ones) are left out and counted; x5c, x5u and x5t are not read.
//
// Immutable; any thread.
#pragma once

#include "api/jws.h"
#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::api {

class KeySet {
 public:
  static constexpr std::size_t max_document = 256 * 1024, max_keys = 64;

  // Errors: malformed (bad_jwks): no key set, or none of its keys can be used.
  static Result<KeySet> parse(std::string_view document);

  enum class Verdict { good, bad, unknown_key };
  // By the key of the token's `kid` and algorithm; without a kid only when one key can be meant.
  Verdict verify(const Jws& token) const;

  std::size_t size() const { return keys_.size(); }
  std::size_t left_out() const { return left_out_; }
  // Changes when the keys do.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  struct Key;
  std::vector<std::shared_ptr<const Key>> keys_;
  std::size_t left_out_ = 0;
  std::string fingerprint_;
};

}  // namespace voxanne::api
