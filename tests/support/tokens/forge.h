// Tokens as nobody should make them: any header, any payload, signed by whatever one likes. On OpenSSL,
// so that an implementation which is not ours judges ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace voxanne::test {

class SigningKey {
 public:
  static SigningKey rsa(int bits = 2048);
  static SigningKey ec();  // P-256

  // RS256 or ES256 of the text, as JWS wants it (RFC 7518 §3.3, §3.4).
  std::string sign(std::string_view text) const;
  // The public key as a JWK; `more` is further members, such as R"("use":"sig")".
  std::string jwk(std::string_view kid, std::string_view more = {}) const;
  std::string public_pem() const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

std::string jwks(std::initializer_list<std::string> keys);

// header.payload., the signature to be added.
std::string unsigned_jws(std::string_view header, std::string_view payload);
std::string forged(std::string_view header, std::string_view payload, const SigningKey& key);
std::string forged_hs256(std::string_view header, std::string_view payload, std::string_view secret);

}  // namespace voxanne::test
