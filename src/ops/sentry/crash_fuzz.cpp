// A crash report as a torn disk may leave it: it is read or refused, within its bounds.
#include "ops/sentry/crash.h"

#include "base/time.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  using namespace voxanne::ops::sentry;
  const auto report = crash::parse({reinterpret_cast<const char*>(data), size});
  if (!report) return 0;
  if (report->signal < 1 || report->signal > 64 || report->frames.size() > max_frames ||
      report->breadcrumbs.size() > Breadcrumbs::count || to_rfc3339(report->at).size() != 24)
    std::abort();
  crash::signal_name(report->signal);
  return 0;
}
