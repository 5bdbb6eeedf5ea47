#include "telephony/sip/address.h"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace voxanne::telephony::sip {
namespace {

template <class Int>
std::optional<Int> parse_number(std::string_view text, Int limit) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > limit) return std::nullopt;
  return value;
}

Error bad_listen(std::string_view why) {
  return malformed("sip_listen", "the SIP listener " + std::string{why} +
                                     "; write it as udp:ADDRESS:PORT or tcp:ADDRESS:PORT, such as "
                                     "udp:0.0.0.0:5060 or tcp:[::]:5060");
}

Error bad_network(std::string_view why) {
  return malformed("sip_network",
                   "the allowed network " + std::string{why} +
                       "; write it as ADDRESS/PREFIX, such as 192.0.2.0/24, or as one address");
}

// The address' bits, most significant first.
std::array<unsigned char, 16> bits_of(const Address& address) {
  std::array<unsigned char, 16> bits{};
  if (address.is_v4()) {
    std::ranges::copy(address.to_v4().to_bytes(), bits.begin());
  } else {
    std::ranges::copy(address.to_v6().to_bytes(), bits.begin());
  }
  return bits;
}

bool same_prefix(const Address& a, const Address& b, unsigned prefix) {
  const auto left = bits_of(a), right = bits_of(b);
  const std::size_t whole = prefix / 8;
  if (!std::equal(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(whole), right.begin()))
    return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::string_view to_string(Transport transport) { return transport == Transport::udp ? "udp" : "tcp"; }

Result<Listen> parse_listen(std::string_view text) {
  Listen listen;
  if (text.starts_with("udp:")) {
    listen.transport = Transport::udp;
  } else if (text.starts_with("tcp:")) {
    listen.transport = Transport::tcp;
  } else {
    return bad_listen("names no transport");
  }
  text.remove_prefix(4);

  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) return bad_listen("has an unclosed [");
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':')
      return bad_listen("has something between its address and its port");
  } else if (const auto colon = text.find(':'); colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  const auto address = parse_address(host);
  if (!address) return bad_listen("has no valid IP address");
  listen.address = *address;
  if (!port.empty()) {
    const auto number = parse_number<unsigned>(port.substr(1), 65535);
    if (!number) return bad_listen("has no valid port");
    listen.port = static_cast<std::uint16_t>(*number);
  }
  return listen;
}

bool Network::contains(const Address& address) const {
  const Address candidate = unmapped(address);
  return candidate.is_v4() == base_.is_v4() && same_prefix(candidate, base_, prefix_);
}

Result<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return bad_network("has no valid IP address");
  if (unmapped(*address) != *address) return bad_network("is an IPv4 address written as IPv6");
  const unsigned width = address->is_v4() ? 32 : 128;
  unsigned prefix = width;
  if (slash != text.npos) {
    const auto number = parse_number<unsigned>(text.substr(slash + 1), width);
    if (!number) return bad_network("has no valid prefix length");
    prefix = *number;
  }
  const auto bits = bits_of(*address);
  for (unsigned bit = prefix; bit < width; ++bit)
    if (bits[bit / 8] & (0x80U >> (bit % 8))) return bad_network("has bits set beyond its prefix length");
  return Network{*address, prefix};
}

std::optional<Address> parse_address(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789abcdefABCDEF.:") != text.npos) return std::nullopt;
  boost::system::error_code error;
  const Address address = boost::asio::ip::make_address(text, error);
  if (error) return std::nullopt;
  return address;
}

std::string uri_host(const Address& address) {
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

bool is_private(const Address& address) {
  static const std::array local{
      parse_network("10.0.0.0/8").value(),     parse_network("172.16.0.0/12").value(),
      parse_network("192.168.0.0/16").value(), parse_network("169.254.0.0/16").value(),
      parse_network("fc00::/7").value(),       parse_network("fe80::/10").value(),
  };
  const Address plain = unmapped(address);
  return plain.is_loopback() ||
         std::ranges::any_of(local, [&](const Network& network) { return network.contains(plain); });
}

Address unmapped(const Address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  return address;
}

}  // namespace voxanne::telephony::sip
