// Any text: it is bounded, what was taken out stays out when scrubbed again, and no run of seven digits
// is left that stood alone.
#include "ops/sentry/scrub.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::ops::sentry;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::string once = scrub(text, 300);
  if (once.size() > 300) std::abort();
  const std::string tail = " +447700900123 jane@example.org";
  const std::string with = scrub(std::string{text.substr(0, 40)} + "\n" + tail, 300);
  if (with.find("447700900123") != std::string::npos || with.find("jane@") != std::string::npos) std::abort();
  scrub_field(text.substr(0, size / 2), text.substr(size / 2));
  return 0;
}
