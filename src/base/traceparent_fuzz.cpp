// A traceparent of anybody: what is read is written the same again, but for a later version's extras.
#include "base/trace.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using voxanne::Trace;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto trace = Trace::parse(text);
  if (trace) {
    const auto again = Trace::parse(trace->traceparent());
    if (!again || again->trace_id() != trace->trace_id() || again->span_id() != trace->span_id() ||
        again->sampled() != trace->sampled() || text.find(trace->trace_id()) != 3)
      std::abort();
  }
  if (Trace::continued(text).empty()) std::abort();
  return 0;
}
