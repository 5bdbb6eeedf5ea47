#include "telephony/sip/listener.h"

#include "base/log.h"

#include <boost/asio/ip/udp.hpp>

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace voxanne::telephony::sip {
namespace {

constexpr char address_unavailable[] = "sip_address_unavailable";

}  // namespace

std::vector<Listen> each_address(const Listen& listener) {
  if (!listener.address.is_unspecified()) return {listener};
  std::vector<Listen> all;
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return all;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned{interfaces, freeifaddrs};
  for (const ifaddrs* one = interfaces; one; one = one->ifa_next) {
    if (!one->ifa_addr || (one->ifa_flags & IFF_UP) == 0) continue;
    Listen here = listener;
    if (one->ifa_addr->sa_family == AF_INET && listener.address.is_v4()) {
      sockaddr_in address{};
      std::memcpy(&address, one->ifa_addr, sizeof address);
      here.address = boost::asio::ip::address_v4{ntohl(address.sin_addr.s_addr)};
    } else if (one->ifa_addr->sa_family == AF_INET6 && listener.address.is_v6()) {
      sockaddr_in6 address{};
      std::memcpy(&address, one->ifa_addr, sizeof address);
      boost::asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
      const boost::asio::ip::address_v6 found{bytes};
      if (found.is_link_local()) continue;
      here.address = found;
    } else {
      continue;
    }
    if (std::ranges::find(all, here) == all.end()) all.push_back(here);
  }
  return all;
}

Result<std::uint16_t> claim_port(const Listen& listener) {
  const boost::asio::ip::udp::endpoint endpoint{listener.address, listener.port};
  const int type = listener.transport == Transport::udp ? SOCK_DGRAM : SOCK_STREAM;
  const int trial = socket(endpoint.protocol().family(), type | SOCK_CLOEXEC, 0);
  if (trial < 0)
    return internal("sip_listen_failed", "no socket for SIP: " + std::string{std::strerror(errno)});
  const int on = 1;
  if (listener.transport == Transport::tcp) setsockopt(trial, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int error = bind(trial, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0 ? 0 : errno;
  if (error == 0 && listener.transport == Transport::tcp && ::listen(trial, 1) != 0) error = errno;
  boost::asio::ip::udp::endpoint bound;
  auto length = static_cast<socklen_t>(bound.capacity());
  if (error == 0 && getsockname(trial, bound.data(), &length) != 0) error = errno;
  close(trial);
  if (error == 0) return bound.port();
  return listen_error(listener, error);
}

Error listen_error(const Listen& listener, int error) {
  const std::string where = std::string{to_string(listener.transport)} + " port " +
                            std::to_string(listener.port) + " of " + listener.address.to_string();
  if (error == EADDRINUSE)
    return {Fault::conflict, "sip_port_in_use",
            where + " is in use: stop the other program or listen elsewhere"};
  return {Fault::impossible, error == EADDRNOTAVAIL ? address_unavailable : "sip_listen_failed",
          where + " cannot be used for SIP: " + std::strerror(error)};
}

Result<std::vector<Listen>> listen_on(const Listen& wanted, const std::vector<Listen>& addresses,
                                      const std::function<Result<>(Listen&)>& listen) {
  const bool wildcard = wanted.address.is_unspecified();
  std::vector<Listen> listening;
  Error nothing{Fault::impossible, "sip_listen_failed",
                "this machine has no address to listen on in place of " + wanted.address.to_string()};
  std::uint16_t port = wanted.port;
  for (Listen listener : addresses) {
    listener.port = port;
    if (const auto listens = listen(listener); !listens) {
      if (!wildcard || listens.error().code != address_unavailable) return listens.error();
      nothing = listens.error();
      log::warning(
          "sip.address_skipped",
          {{"address", listener.address.to_string()}, {"code", nothing.code}, {"error", nothing.message}});
      continue;
    }
    port = listener.port;
    listening.push_back(listener);
  }
  if (listening.empty()) return nothing;
  if (wildcard && std::ranges::all_of(listening, [](const Listen& one) { return one.address.is_loopback(); }))
    log::warning("sip.only_loopback",
                 {{"listen", std::string{to_string(wanted.transport)} + ":" + uri_host(wanted.address) + ":" +
                                 std::to_string(port)}});
  return listening;
}

void send_stray_response(const Listen& listener) {
  const boost::asio::ip::udp::endpoint endpoint{listener.address, listener.port};
  const int sender = socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  constexpr std::string_view text =
      "SIP/2.0 100 Listening\r\nVia: SIP/2.0/UDP voxanne.invalid;branch=z9hG4bK0\r\n\r\n";
  static_cast<void>(
      sendto(sender, text.data(), text.size(), 0, endpoint.data(), static_cast<socklen_t>(endpoint.size())));
  close(sender);
}

}  // namespace voxanne::telephony::sip
