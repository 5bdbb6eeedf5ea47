#include "net/network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace voxanne::net {

namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Error bad_network(std::string_view text, std::string_view what) {
  return malformed("bad_network", "\"" + std::string{text} + "\" " + std::string{what} +
                                      "; allowed are IP addresses and networks such as 10.0.0.0/8 and ::1");
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() > 45) return std::nullopt;
  const std::string copy{text};
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  IpAddress address;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) return address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes_.data() + mapped_prefix.size()) != 1)
    return std::nullopt;
  std::ranges::copy(mapped_prefix, address.bytes_.begin());
  return address;
}

bool IpAddress::is_v4() const {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes_.begin());
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[mapped_prefix.size()] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto byte) { return byte == 0; }) &&
         bytes_.back() == 1;
}

std::string IpAddress::str() const {
  char text[INET6_ADDRSTRLEN];
  const void* from = is_v4() ? bytes_.data() + mapped_prefix.size() : bytes_.data();
  return inet_ntop(is_v4() ? AF_INET : AF_INET6, from, text, sizeof text);
}

std::string IpAddress::subscriber() const {
  if (is_v4()) return str();
  IpAddress network = *this;
  std::fill(network.bytes_.begin() + 8, network.bytes_.end(), std::uint8_t{0});
  return network.str() + "/64";
}

Result<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) return bad_network(text, "is not an IP address");
  Network network;
  network.base_ = *base;
  if (slash == text.npos) return network;
  const unsigned width = base->is_v4() ? 32 : 128;
  const auto digits = text.substr(slash + 1);
  unsigned prefix = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (failed != std::errc{} || end != digits.data() + digits.size() || prefix > width)
    return bad_network(text, "has no valid prefix length");
  network.prefix_ = prefix + (128 - width);
  for (unsigned bit = network.prefix_; bit < 128; ++bit)
    if (network.base_.bytes_[bit / 8] & (0x80U >> (bit % 8)))
      return bad_network(text, "has bits set beyond its prefix length");
  return network;
}

bool Network::contains(const IpAddress& address) const {
  for (unsigned bit = 0; bit < prefix_; bit += 8) {
    const unsigned rest = std::min(8U, prefix_ - bit);
    const auto mask = static_cast<std::uint8_t>(0xffU << (8 - rest));
    if ((base_.bytes_[bit / 8] ^ address.bytes_[bit / 8]) & mask) return false;
  }
  return true;
}

Result<std::vector<Network>> parse_networks(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const auto& text : texts) {
    auto network = Network::parse(text);
    if (!network) return network.error();
    networks.push_back(*network);
  }
  return networks;
}

}  // namespace voxanne::net
