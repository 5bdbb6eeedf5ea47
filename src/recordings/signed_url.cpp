#include "recordings/signed_url.h"

#include <charconv>

namespace voxanne::recordings {

UrlSigner::UrlSigner(const Secret& root) : key_(derive_key(root, "recordings/signed-url/v1")) {}

std::string UrlSigner::signature_of(std::string_view key, std::string_view expires,
                                    std::string_view format) const {
  // No part can hold a line feed and be valid, so that none can pass for another.
  std::string text{key};
  text.append("\n").append(expires).append("\n").append(format);
  return to_base64url(hmac_sha256(key_.reveal(), text));
}

std::string UrlSigner::sign(std::string_view key, UtcTime expires, std::string_view format) const {
  const auto at = std::to_string(std::chrono::ceil<seconds>(expires).time_since_epoch().count());
  std::string url = "/storage/";
  url.append(key).append("?expires=").append(at);
  if (!format.empty()) url.append("&format=").append(format);
  return url.append("&signature=").append(signature_of(key, at, format));
}

UrlSigner::Check UrlSigner::verify(std::string_view key, std::string_view expires, std::string_view signature,
                                   std::string_view format, UtcTime now) const {
  if (!constant_time_equal(signature_of(key, expires, format), signature)) return Check::tampered;
  std::int64_t at = 0;
  const auto [end, error] = std::from_chars(expires.data(), expires.data() + expires.size(), at);
  if (error != std::errc{} || end != expires.data() + expires.size()) return Check::tampered;
  return now < std::chrono::sys_seconds{seconds{at}} ? Check::valid : Check::expired;
}

}  // namespace voxanne::recordings
