#include "events/live_protocol.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
  const auto request = voxanne::events::parse_live_request({reinterpret_cast<const char*>(bytes), size});
  if (!request && (request.error().message.empty() || request.error().message.size() > 123)) std::abort();
  return 0;
}
