#include "telephony/rtp/port_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

namespace voxanne::telephony::rtp {
namespace {

const Address loopback = boost::asio::ip::make_address("127.0.0.1");

TEST(PortPoolTest, leases_even_ports_and_takes_them_back) {
  auto pool = PortPool::open(30'001, 30'400).value();
  EXPECT_EQ(pool->capacity(), 199u);
  {
    auto pair = pool->lease(loopback).value();
    EXPECT_EQ(pair.local().port() % 2, 0);
    EXPECT_GE(pair.local().port(), 30'002);
    EXPECT_EQ(pool->in_use(), 1u);
    auto moved = std::move(pair);
    EXPECT_EQ(pool->in_use(), 1u);
  }
  EXPECT_EQ(pool->in_use(), 0u);
}

TEST(PortPoolTest, says_when_all_are_in_use) {
  // Whoever else is on this machine: a range of which one pair is free.
  for (std::uint16_t first = 40'000; first < 60'000; first += 2) {
    auto pool = PortPool::open(first, static_cast<std::uint16_t>(first + 1)).value();
    const auto pair = pool->lease(loopback);
    if (!pair) continue;
    const auto refused = pool->lease(loopback);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "rtp_ports_exhausted");
    EXPECT_EQ(refused.error().kind, Fault::unavailable);
    auto other = PortPool::open(first, static_cast<std::uint16_t>(first + 1)).value();
    EXPECT_EQ(other->lease(loopback).error().code, "rtp_ports_exhausted") << "another process's";
    return;
  }
  FAIL() << "no free port";
}

TEST(PortPoolTest, a_foreign_address_and_an_empty_range_are_refused) {
  auto pool = PortPool::open(20'000, 20'100).value();
  EXPECT_EQ(pool->lease(boost::asio::ip::make_address("192.0.2.1")).error().code, "rtp_bind_failed");
  for (const auto& [first, last] : {std::pair{0, 100}, {5'001, 5'002}, {5'000, 5'000}, {6'000, 5'000}})
    EXPECT_EQ(
        PortPool::open(static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)).error().code,
        "rtp_ports")
        << first;
}

}  // namespace
}  // namespace voxanne::telephony::rtp
