// Which addresses are somebody's on the open internet, and which are this machine's, its network's or
// nobody's (IANA special-purpose registries, RFC 6890): what a URL from a customer may not reach.
#pragma once

#include "net/network.h"

namespace voxanne::net {

bool is_public(const IpAddress& address);

}  // namespace voxanne::net
