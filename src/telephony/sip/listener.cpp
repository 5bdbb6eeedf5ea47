#include "telephony/sip/listener.h"

#include <boost/asio/ip/udp.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace voxanne::telephony::sip {

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
  const std::string where = std::string{to_string(listener.transport)} + " port " +
                            std::to_string(listener.port) + " of " + listener.address.to_string();
  if (error == EADDRINUSE)
    return Error{Fault::conflict, "sip_port_in_use",
                 where + " is in use: stop the other program or listen elsewhere"};
  return Error{Fault::impossible, "sip_listen_failed",
               where + " cannot be used for SIP: " + std::strerror(error)};
}

void send_stray_response(const Listen& listener) {
  Address address = listener.address;
  if (address.is_unspecified()) {
    if (address.is_v4())
      address = boost::asio::ip::address_v4::loopback();
    else
      address = boost::asio::ip::address_v6::loopback();
  }
  const boost::asio::ip::udp::endpoint endpoint{address, listener.port};
  const int sender = socket(endpoint.protocol().family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  constexpr std::string_view text =
      "SIP/2.0 100 Listening\r\nVia: SIP/2.0/UDP voxanne.invalid;branch=z9hG4bK0\r\n\r\n";
  static_cast<void>(
      sendto(sender, text.data(), text.size(), 0, endpoint.data(), static_cast<socklen_t>(endpoint.size())));
  close(sender);
}

}  // namespace voxanne::telephony::sip
