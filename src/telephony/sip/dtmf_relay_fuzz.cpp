#include "telephony/sip/dtmf_relay.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne::telephony::sip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body{reinterpret_cast<const char*>(data), size};
  for (const auto key : {parse_dtmf_relay(body), parse_dtmf(body)})
    if (key && std::string_view{"0123456789*#ABCD"}.find(*key) == std::string_view::npos) std::abort();
  return 0;
}
