#include "net/public_address.h"

#include <algorithm>

namespace voxanne::net {

bool is_public(const IpAddress& address) {
  // Those that carry an IPv4 address within (compatible, NAT64, 6to4, Teredo) could carry a private one.
  static const auto reserved =
      parse_networks({"0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
                      "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
                      "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
                      "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",   "::/96",
                      "64:ff9b::/96",   "64:ff9b:1::/48", "100::/64",      "2001::/23",
                      "2001:db8::/32",  "2002::/16",      "3fff::/20",     "5f00::/16",
                      "fc00::/7",       "fe80::/10",      "fec0::/10",     "ff00::/8"})
          .value();
  return std::ranges::none_of(reserved, [&](const Network& network) { return network.contains(address); });
}

}  // namespace voxanne::net
