// Lines "Name: value" of a request that a trusted proxy sends. A stranger's headers never move the
// address, an address is always one, and nobody behind a proxy here is of this machine.
#include "api/client.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto proxies = net::parse_networks({"127.0.0.1", "10.0.0.0/8", "2001:db8::/32"}).value();
  std::string_view text{reinterpret_cast<const char*>(data), size};
  net::Request request;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end), name = line.substr(0, std::min(line.find(": "), line.size()));
    try {
      if (name.size() + 2 <= line.size()) request.headers.add(name, line.substr(name.size() + 2));
    } catch (const std::invalid_argument&) {
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  request.peer = {.address = "203.0.113.9", .port = 1, .loopback = false};
  const auto stranger = api::client_of(request, proxies);
  if (stranger.address != "203.0.113.9" || stranger.secure || stranger.local) std::abort();
  request.peer = {.address = "127.0.0.1", .port = 1, .loopback = true};
  const auto seen = api::client_of(request, proxies);
  if (seen.local) std::abort();
  const auto address =
      seen.address.ends_with("/64") ? seen.address.substr(0, seen.address.size() - 3) : seen.address;
  if (!net::IpAddress::parse(address)) std::abort();
  return 0;
}
