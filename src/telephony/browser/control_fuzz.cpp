#include "telephony/browser/control.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne::telephony::browser;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto control = parse_control({reinterpret_cast<const char*>(data), size});
  if (!control) {
    if (control.error().message.size() > 123) std::abort();
    return 0;
  }
  if (const auto* dtmf = std::get_if<Dtmf>(&*control))
    if (dtmf->digits.empty() || dtmf->digits.size() > 32) std::abort();
  return 0;
}
