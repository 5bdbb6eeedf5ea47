// Tokens as they come, and header and payload (the input's first line, and the rest) that carry a
// valid signature, so that the claims are reached.
#include "api/token.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string secret(32, 'k');
  static const auto key = api::TokenKey::make(Secret{secret}).value();
  const UtcTime now = from_unix_ms(1'800'000'000'000);
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  // Nobody guesses a signature.
  if (key.verify(text, {}, now)) std::abort();

  const auto line = std::min(text.find('\n'), text.size());
  std::string token =
      to_base64url(text.substr(0, line)) + "." + to_base64url(text.substr(std::min(line + 1, size)));
  token += "." + to_base64url(hmac_sha256(secret, token));
  if (const auto identity = key.verify(token, {}, now)) {
    if (identity->org.empty() || !is_sane_id(identity->org.str())) std::abort();
    if (now >= identity->expires_at) std::abort();
  }
  return 0;
}
