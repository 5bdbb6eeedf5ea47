#include "telephony/sip/route.h"

#include "telephony/sip/listener.h"

#include <gtest/gtest.h>

#include <algorithm>

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

TEST(route, contact_names_what_is_advertised) {
  EXPECT_EQ(route_to(ip("127.0.0.1"), {Transport::tcp, ip("127.0.0.1"), 5070}, ip("198.51.100.1")).contact(),
            "sip:voxanne@127.0.0.1:5070;transport=tcp");
  EXPECT_EQ(Route({{Transport::udp, ip("::1"), 5060}, ip("::1")}).contact(), "sip:voxanne@[::1]:5060");
}

TEST(route, leads_out_by_the_address_that_faces_the_peer) {
  EXPECT_EQ(source_towards(ip("127.0.0.1")), ip("127.0.0.1"));
  EXPECT_EQ(source_towards(ip("::ffff:127.0.0.1")), ip("127.0.0.1"));
}

TEST(each_address, of_a_wildcard_is_what_this_machine_has_and_of_another_itself) {
  const Listen one{Transport::udp, ip("192.0.2.7"), 5060};
  EXPECT_EQ(each_address(one), std::vector{one});
  const auto all = each_address({Transport::tcp, ip("0.0.0.0"), 5070});
  EXPECT_NE(std::ranges::find(all, Listen{Transport::tcp, ip("127.0.0.1"), 5070}), all.end());
  for (const Listen& listener : all)
    EXPECT_TRUE(listener.address.is_v4() && !listener.address.is_unspecified());
}

}  // namespace
}  // namespace voxanne::telephony::sip
