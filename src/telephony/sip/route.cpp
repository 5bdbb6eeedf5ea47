#include "telephony/sip/route.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace voxanne::telephony::sip {
namespace {

// Somewhere beyond the default route; nothing is sent.
Address somewhere(bool v4) {
  return v4 ? boost::asio::ip::make_address("192.0.2.1") : boost::asio::ip::make_address("2001:db8::1");
}

Address loopback(bool v4) {
  if (v4) return boost::asio::ip::address_v4::loopback();
  return boost::asio::ip::address_v6::loopback();
}

}  // namespace

std::string Route::contact() const {
  return "sip:" + std::string{contact_user} + "@" + uri_host(advertised) + ":" +
         std::to_string(listener.port) + (listener.transport == Transport::tcp ? ";transport=tcp" : "");
}

std::optional<Address> source_towards(const Address& peer) {
  boost::asio::io_context context;
  boost::asio::ip::udp::socket socket{context};
  boost::system::error_code error;
  socket.open(peer.is_v4() ? boost::asio::ip::udp::v4() : boost::asio::ip::udp::v6(), error);
  if (!error) socket.connect({peer, default_port}, error);
  if (error) return std::nullopt;
  const auto local = socket.local_endpoint(error);
  if (error) return std::nullopt;
  return local.address();
}

Route route_to(const std::optional<Address>& peer, const Listen& listener,
               const std::optional<Address>& public_address) {
  const bool v4 = listener.address.is_v4();
  Route route{listener, listener.address};
  const bool outside = !peer || !is_private(*peer);
  if (outside && public_address && public_address->is_v4() == v4) {
    route.advertised = *public_address;
  } else if (listener.address.is_unspecified()) {
    route.advertised = source_towards(peer ? unmapped(*peer) : somewhere(v4)).value_or(loopback(v4));
  }
  return route;
}

}  // namespace voxanne::telephony::sip
