// A DSN of anybody: what is accepted is read the same again, and its address has no way out of itself.
#include "ops/sentry/dsn.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::ops::sentry;
  const auto dsn = parse_dsn({reinterpret_cast<const char*>(data), size});
  if (!dsn) return 0;
  const auto again = parse_dsn(dsn->text);
  if (!again || again->text != dsn->text || again->envelope_url != dsn->envelope_url) std::abort();
  if (dsn->envelope_url.find_first_of("@ \r\n?#") != std::string::npos) std::abort();
  if (auth_header(*dsn).find_first_of("\r\n") != std::string::npos) std::abort();
  return 0;
}
