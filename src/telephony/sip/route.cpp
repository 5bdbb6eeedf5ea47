#include "telephony/sip/route.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace voxanne::telephony::sip {

std::string Route::contact() const {
  return "sip:" + std::string{contact_user} + "@" + uri_host(advertised) + ":" +
         std::to_string(listener.port) + (listener.transport == Transport::tcp ? ";transport=tcp" : "");
}

std::optional<Address> source_towards(const std::optional<Address>& peer) {
  // Somewhere beyond the default route; nothing is sent.
  const Address to = peer ? unmapped(*peer) : boost::asio::ip::make_address("192.0.2.1");
  boost::asio::io_context context;
  boost::asio::ip::udp::socket socket{context};
  boost::system::error_code error;
  socket.open(to.is_v4() ? boost::asio::ip::udp::v4() : boost::asio::ip::udp::v6(), error);
  if (!error) socket.connect({to, default_port}, error);
  if (error) return std::nullopt;
  const auto local = socket.local_endpoint(error);
  if (error) return std::nullopt;
  return local.address();
}

Route route_to(const std::optional<Address>& peer, const Listen& listener,
               const std::optional<Address>& public_address) {
  const bool outside = !peer || !is_private(*peer);
  const bool hidden = outside && public_address && public_address->is_v4() == listener.address.is_v4();
  return {listener, hidden ? *public_address : listener.address};
}

}  // namespace voxanne::telephony::sip
