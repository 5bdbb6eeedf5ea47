// Key sets as a provider, or whoever plays one, may send them: none makes a token good that nobody
// signed.
#include "api/jwks.h"

#include "base/secret.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string unsigned_tokens[] = {
      to_base64url(R"({"alg":"RS256"})") + ".e30." + to_base64url(std::string(256, '\1')),
      to_base64url(R"({"alg":"ES256"})") + ".e30." + to_base64url(std::string(64, '\1'))};
  const auto keys = api::KeySet::parse({reinterpret_cast<const char*>(data), size});
  if (!keys) return 0;
  if (keys->size() == 0 || keys->size() > api::KeySet::max_keys) std::abort();
  for (const auto& token : unsigned_tokens)
    if (keys->verify(api::Jws::parse(token).value()) == api::KeySet::Verdict::good) std::abort();
  return 0;
}
