#include "net/public_address.h"

#include <gtest/gtest.h>

namespace voxanne::net {
namespace {

TEST(PublicAddress, what_is_not_on_the_open_internet_is_told_from_what_is) {
  for (const char* inside : {"127.0.0.1",
                             "127.255.0.9",
                             "::1",
                             "::",
                             "0.0.0.0",
                             "10.1.2.3",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.168.1.1",
                             "169.254.169.254",
                             "100.64.0.1",
                             "224.0.0.1",
                             "255.255.255.255",
                             "192.0.2.1",
                             "198.18.0.1",
                             "fe80::1",
                             "fc00::1",
                             "fd12::1",
                             "ff02::1",
                             "::ffff:127.0.0.1",
                             "::ffff:10.0.0.1",
                             "::127.0.0.1",
                             "64:ff9b::7f00:1",
                             "2002:7f00:1::",
                             "2001:0:0:0::1",
                             "2001:db8::1",
                             "fec0::1"})
    EXPECT_FALSE(is_public(IpAddress::parse(inside).value())) << inside;
  for (const char* outside : {"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "11.0.0.1", "100.128.0.1",
                              "223.255.255.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"})
    EXPECT_TRUE(is_public(IpAddress::parse(outside).value())) << outside;
}

}  // namespace
}  // namespace voxanne::net
