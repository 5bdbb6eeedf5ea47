// Secrets at rest: a text that only who holds the root secret can read or make (XSalsa20-Poly1305, a key
// for each purpose). Values; any thread.
#pragma once

#include "base/result.h"
#include "base/secret.h"

#include <string>
#include <string_view>

namespace voxanne {

class Seal {
 public:
  Seal(const Secret& root, std::string_view purpose) : key_(derive_key(root, purpose)) {}

  std::string close(std::string_view text) const;  // base64url
  // Errors: internal (seal_broken): made with another root secret, or altered.
  Result<Secret> open(std::string_view sealed) const;

 private:
  const Secret key_;
};

}  // namespace voxanne
