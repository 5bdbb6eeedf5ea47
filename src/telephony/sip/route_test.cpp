#include "telephony/sip/route.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::sip {
namespace {

Address ip(const char* text) { return boost::asio::ip::make_address(text); }

TEST(route, peers_outside_are_told_the_public_address_and_those_inside_the_local_one) {
  const Listen listener{Transport::udp, ip("10.0.0.5"), 5060};
  EXPECT_EQ(route_to(ip("203.0.113.9"), listener, ip("198.51.100.1")).advertised, ip("198.51.100.1"));
  EXPECT_EQ(route_to(std::nullopt, listener, ip("198.51.100.1")).advertised, ip("198.51.100.1"));
  EXPECT_EQ(route_to(ip("10.0.0.9"), listener, ip("198.51.100.1")).advertised, ip("10.0.0.5"));
  EXPECT_EQ(route_to(ip("203.0.113.9"), listener, std::nullopt).advertised, ip("10.0.0.5"));
  EXPECT_EQ(route_to(ip("203.0.113.9"), listener, ip("2001:db8::1")).advertised, ip("10.0.0.5"));
}

TEST(route, a_wildcard_listener_advertises_where_the_peer_is_reached_from) {
  const Listen listener{Transport::tcp, ip("0.0.0.0"), 5070};
  const Route route = route_to(ip("127.0.0.1"), listener, ip("198.51.100.1"));
  EXPECT_EQ(route.advertised, ip("127.0.0.1"));
  EXPECT_EQ(route.contact(), "sip:voxanne@127.0.0.1:5070;transport=tcp");
  EXPECT_FALSE(route_to(std::nullopt, listener, std::nullopt).advertised.is_unspecified());
  EXPECT_EQ(Route({{Transport::udp, ip("::1"), 5060}, ip("::1")}).contact(), "sip:voxanne@[::1]:5060");
}

}  // namespace
}  // namespace voxanne::telephony::sip
