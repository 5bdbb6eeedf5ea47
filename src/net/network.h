// IP addresses and networks as operators write them ("203.0.113.0/24", "::1"). Values.
#pragma once

#include "base/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::net {

// An IPv4 address is kept as its IPv6-mapped form, so that both spellings of one are equal.
class IpAddress {
 public:
  // Textual addresses only: no names, brackets, ports, zones, or octets with leading zeros.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  bool is_loopback() const;
  std::string str() const;
  // The one subscriber behind it: the address itself for IPv4, its /64 for IPv6.
  std::string subscriber() const;
  bool operator==(const IpAddress&) const = default;

 private:
  friend class Network;
  std::array<std::uint8_t, 16> bytes_{};
};

class Network {
 public:
  // Errors: malformed (bad_network), which says what is wrong with it.
  static Result<Network> parse(std::string_view text);
  bool contains(const IpAddress& address) const;

 private:
  IpAddress base_;
  unsigned prefix_ = 128;  // bits of the mapped form
};

Result<std::vector<Network>> parse_networks(const std::vector<std::string>& texts);

}  // namespace voxanne::net
