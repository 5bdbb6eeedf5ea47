// Any text: it is bounded, and whatever it is, the number and the address on the line after it are taken out.
#include "ops/sentry/scrub.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::ops::sentry;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::string once = scrub(text, 300);
  if (once.size() > 300) std::abort();
  const std::string both = scrub(std::string{text.substr(0, 40)} + "\n +447700900123 jane@example.org", 300);
  const std::string tail = both.substr(both.rfind('\n') + 1);
  if (tail.find("447700900123") != std::string::npos || tail.find("jane@") != std::string::npos) std::abort();
  scrub_field(text.substr(0, size / 2), text.substr(size / 2));
  return 0;
}
