#include "net/network.h"

#include <gtest/gtest.h>

namespace voxanne::net {
namespace {

bool within(const char* network, const char* address) {
  return Network::parse(network).value().contains(IpAddress::parse(address).value());
}

TEST(NetworkTest, holds_its_addresses_and_no_others) {
  EXPECT_TRUE(within("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(within("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(within("192.0.2.128/25", "192.0.2.129"));
  EXPECT_FALSE(within("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(within("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(within("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(within("0.0.0.0/0", "203.0.113.1"));
  EXPECT_FALSE(within("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(within("2001:db8::/32", "2001:db8:1::9"));
  EXPECT_FALSE(within("2001:db8::/32", "2001:db9::"));
  EXPECT_TRUE(within("127.0.0.1", "::ffff:127.0.0.1"));
}

TEST(NetworkTest, what_is_no_network_is_said) {
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/8x", "localhost", "::1/129",
                          "10.0.0", "010.0.0.1", "10.0.0.0/-1", "[::1]", "fe80::1%lo"}) {
    const auto network = Network::parse(bad);
    ASSERT_FALSE(network) << bad;
    EXPECT_NE(network.error().message.find(bad), std::string::npos);
  }
}

TEST(NetworkTest, subscribers_are_addresses_or_64s) {
  EXPECT_EQ(IpAddress::parse("203.0.113.9")->subscriber(), "203.0.113.9");
  EXPECT_EQ(IpAddress::parse("2001:db8:1:2:3:4:5:6")->subscriber(), "2001:db8:1:2::/64");
  EXPECT_EQ(IpAddress::parse("::ffff:203.0.113.9")->str(), "203.0.113.9");
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("127.8.0.1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("::2")->is_loopback());
}

}  // namespace
}  // namespace voxanne::net
