// What strangers send in place of refresh tokens, keys, invitations and addresses of e-mail.
#include "api/access/credentials.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const api::Credentials credentials{Secret{"the root of all that we hand out"}};
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (credentials.open_refresh(text)) std::abort();  // nobody guesses a MAC
  static_cast<void>(api::Credentials::is_api_key(text) || api::Credentials::is_invitation(text));
  if (const auto email = api::normal_email(text); email && api::normal_email(*email) != email) std::abort();
  return 0;
}
