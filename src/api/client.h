// Who is at the other end of a request. Forwarding headers count only when the peer is one of the
// operator's proxies (TRUSTED_PROXIES), and are then read from the right, as far as proxies of ours
// wrote them; anybody can write the rest. `Forwarded` (RFC 7239) is not read, but, as any forwarding
// header, it means that the peer is not who is asking.
//
// Values and pure functions; any thread.
#pragma once

#include "net/http.h"
#include "net/network.h"

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::api {

struct Client {
  std::string address;  // for limits: an IPv4 address or an IPv6 /64
  bool secure = false;  // it came by HTTPS to the outermost proxy of ours
  // A program or page of this very machine: loopback peer, no trusted proxy on loopback, no forwarding
  // header, Host localhost, 127.0.0.1 or [::1], Origin absent or that host's, not sent by a page from
  // elsewhere.
  bool local = false;
};

Client client_of(const net::Request& request, const std::vector<net::Network>& trusted_proxies);

// The page came from the very host that is asked. Behind a proxy that ends TLS it is https.
bool is_own_origin(std::string_view origin, std::string_view host);

}  // namespace voxanne::api
