// Any text as a URI, a listener, a network and a user part; what was understood is written back
// and understood the same.
#include "telephony/sip/uri.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne::telephony::sip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto uri = parse_uri(text)) {
    const std::string written = to_string(*uri);
    if (written.find_first_of(" \r\n<>\"") != std::string::npos) std::abort();
    if (const auto again = parse_uri(written); !again || *again != *uri) std::abort();
    static_cast<void>(uri->address());
  }
  if (const auto back = unescape_user(escape_user(text)); back && *back != text) std::abort();
  static_cast<void>(unescape_user(text));
  static_cast<void>(parse_listen(text));
  if (const auto network = parse_network(text))
    static_cast<void>(network->contains(boost::asio::ip::address_v6::loopback()));
  return 0;
}
