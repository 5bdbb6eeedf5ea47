// The tracker's headers are input too: nothing lasts longer than a day, and there are only so many.
#include "ops/sentry/rate_limits.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  using namespace voxanne::ops::sentry;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const auto& limit : parse_rate_limits(text))
    if (limit.lasting < seconds{0} || limit.lasting > seconds{86'400}) std::abort();
  if (parse_retry_after(text) > seconds{86'400} || parse_retry_after(text) < seconds{0}) std::abort();
  RateLimits limits;
  limits.note(429, text, text, SteadyTime{});
  return 0;
}
