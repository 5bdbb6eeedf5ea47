// Network addresses as the operator writes them: where to listen and who may call.
//   "udp:127.0.0.1:5060"  "tcp:[::1]:5060"  "udp:0.0.0.0" (port 5060)
//   "192.0.2.0/24"  "2001:db8::/32"  "192.0.2.7"
// Pure; any thread.
#pragma once

#include "base/result.h"

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace voxanne::telephony::sip {

using Address = boost::asio::ip::address;

inline constexpr std::uint16_t default_port = 5060;

enum class Transport : std::uint8_t { udp, tcp };
std::string_view to_string(Transport transport);

struct Listen {
  Transport transport = Transport::udp;
  Address address;
  std::uint16_t port = default_port;  // 0: any free one

  bool operator==(const Listen&) const = default;
};
Result<Listen> parse_listen(std::string_view text);

class Network {
 public:
  Network(Address base, unsigned prefix) : base_(std::move(base)), prefix_(prefix) {}

  // An IPv4 address in its IPv6 clothing (::ffff:192.0.2.7) is matched as IPv4.
  bool contains(const Address& address) const;
  bool operator==(const Network&) const = default;

 private:
  Address base_;
  unsigned prefix_;  // leading bits that count
};
// A network, or a single address. Bits set beyond the prefix are an error: they are a typing slip.
Result<Network> parse_network(std::string_view text);

// An address written in digits, hexadecimal digits, dots and colons and nothing else: no zone, no
// zero byte after which boost would stop reading.
std::optional<Address> parse_address(std::string_view text);

// "192.0.2.7" or "[2001:db8::7]", as it stands in a URI.
std::string uri_host(const Address& address);
// Loopback, RFC 1918, unique local and link local: reached without our public address.
bool is_private(const Address& address);
Address unmapped(const Address& address);

}  // namespace voxanne::telephony::sip
