#include "telephony/sip/address.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::sip {
namespace {

Address ip(const char* text) { return boost::asio::ip::make_address(text); }

TEST(listen, is_read_with_and_without_port) {
  EXPECT_EQ(parse_listen("udp:127.0.0.1:5080").value(), (Listen{Transport::udp, ip("127.0.0.1"), 5080}));
  EXPECT_EQ(parse_listen("tcp:0.0.0.0").value(), (Listen{Transport::tcp, ip("0.0.0.0"), 5060}));
  EXPECT_EQ(parse_listen("tcp:[::1]:0").value(), (Listen{Transport::tcp, ip("::1"), 0}));
  EXPECT_EQ(parse_listen("udp:[2001:db8::1]").value(), (Listen{Transport::udp, ip("2001:db8::1"), 5060}));
}

TEST(listen, that_cannot_be_read_says_how_to_write_it) {
  for (const char* text : {"", "127.0.0.1:5060", "tls:1.2.3.4:5061", "udp:", "udp:localhost:5060",
                           "udp:1.2.3.4:", "udp:1.2.3.4:65536", "udp:1.2.3.4:-1", "udp:[::1", "udp:[::1]x",
                           "udp:1.2.3.4:5060 "}) {
    const auto listen = parse_listen(text);
    ASSERT_FALSE(listen) << text;
    EXPECT_EQ(listen.error().code, "sip_listen");
    EXPECT_NE(listen.error().message.find("udp:0.0.0.0:5060"), std::string::npos);
  }
}

TEST(network, contains_what_shares_its_prefix) {
  const Network network = parse_network("192.0.2.128/25").value();
  EXPECT_TRUE(network.contains(ip("192.0.2.128")));
  EXPECT_TRUE(network.contains(ip("192.0.2.255")));
  EXPECT_TRUE(network.contains(ip("::ffff:192.0.2.200")));
  EXPECT_FALSE(network.contains(ip("192.0.2.127")));
  EXPECT_FALSE(network.contains(ip("2001:db8::1")));

  EXPECT_TRUE(parse_network("0.0.0.0/0").value().contains(ip("203.0.113.9")));
  EXPECT_FALSE(parse_network("0.0.0.0/0").value().contains(ip("::1")));
  EXPECT_TRUE(parse_network("2001:db8:8000::/33").value().contains(ip("2001:db8:ffff::1")));
  EXPECT_FALSE(parse_network("2001:db8:8000::/33").value().contains(ip("2001:db8:7fff::1")));
  EXPECT_TRUE(parse_network("192.0.2.7").value().contains(ip("192.0.2.7")));
  EXPECT_FALSE(parse_network("192.0.2.7").value().contains(ip("192.0.2.6")));
}

TEST(network, with_a_typing_slip_is_an_error) {
  for (const char* text : {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.1/24", "::1/129", "trunk.example",
                           "192.0.2.0/24/8", "192.0.2.0/ 8", "::ffff:1.2.3.4"}) {
    const auto network = parse_network(text);
    ASSERT_FALSE(network) << text;
    EXPECT_EQ(network.error().code, "sip_network");
  }
}

TEST(address, private_ones_are_reached_without_the_public_address) {
  for (const char* text : {"127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.1.1", "::1",
                           "fd00::1", "fe80::1", "::ffff:10.0.0.1"})
    EXPECT_TRUE(is_private(ip(text))) << text;
  for (const char* text : {"172.32.0.1", "192.0.2.1", "8.8.8.8", "2001:db8::1"})
    EXPECT_FALSE(is_private(ip(text))) << text;
}

}  // namespace
}  // namespace voxanne::telephony::sip
