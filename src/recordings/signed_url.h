// Addresses that open one recording for a while, without a token:
// /storage/ORG/CALL.ogg?expires=UNIX&signature=… (and &format=wav). Pure.
#pragma once

#include "base/secret.h"
#include "base/time.h"

#include <string>
#include <string_view>

namespace voxanne::recordings {

class UrlSigner {
 public:
  enum class [[nodiscard]] Check {
    valid,
    tampered,  // 403
    expired,   // 410
  };

  // `root` is the server's SECRET_KEY; the signing key is derived from it.
  explicit UrlSigner(const Secret& root);

  // Path and query. `key` is an object key, whose characters need no escaping in a path; `format` is
  // empty for the recording as it is kept.
  std::string sign(std::string_view key, UtcTime expires, std::string_view format = {}) const;
  // With the query's values as they came, empty where absent. A tampered address is tampered also
  // when it would have expired.
  Check verify(std::string_view key, std::string_view expires, std::string_view signature,
               std::string_view format, UtcTime now) const;

 private:
  std::string signature_of(std::string_view key, std::string_view expires, std::string_view format) const;

  Secret key_;
};

}  // namespace voxanne::recordings
