// Cookies as a browser, or whoever planted some, may send them: the refresh token is what one cookie says,
// and nobody's where there are two.
#include "api/routes/login.h"

#include <cstdint>
#include <cstdlib>

using namespace voxanne;

namespace {

constexpr std::string_view name = "voxanne_refresh=";

std::optional<std::string> token_of(std::initializer_list<std::string> cookies) {
  net::Headers headers;
  for (const auto& cookie : cookies) headers.add("Cookie", cookie);
  return api::refresh_cookie_of(headers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{reinterpret_cast<const char*>(data), size};
  if (text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos)
    return 0;  // no field holds them
  const auto token = token_of({text});
  if (token) {
    if (token->find(';') != std::string::npos) std::abort();
    const std::string own = std::string{name} + *token;
    if (text.find(own) == std::string::npos || token_of({own}) != token) std::abort();
    if (token_of({"theme=dark; " + own + "; lang=en"}) != token) std::abort();
    // A second, in the same field or in another.
    if (token_of({text + "; " + own}) || token_of({text, own}) || token_of({own, text})) std::abort();
  } else if (text.find(name) == std::string::npos) {
    if (token_of({text + "; voxanne_refresh=abc"}) != "abc") std::abort();
    if (token_of({text, "voxanne_refresh=abc"}) != "abc") std::abort();
  }
  return 0;
}
