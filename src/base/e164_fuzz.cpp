// Numbers as people write them: what is understood is E.164, is understood the same again, and has no digit
// that was not there, since another would call a stranger.
#include "base/e164.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto number = to_e164(text);
  if (number) {
    if (!is_e164(*number) || to_e164(*number).value() != *number) std::abort();
    auto rest = text;
    for (const char digit : std::string_view{*number}.substr(1)) {
      const auto at = rest.find(digit);
      if (at == std::string_view::npos) std::abort();
      rest.remove_prefix(at + 1);
    }
  }
  if (is_e164(text) && (!number || *number != text)) std::abort();
  const auto dialled = dialled_number(text);
  if (dialled && !is_e164(*dialled)) std::abort();
  if (number && dialled != *number) std::abort();
  return 0;
}
