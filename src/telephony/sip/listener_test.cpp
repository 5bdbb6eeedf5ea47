#include "telephony/sip/listener.h"

#include "support/logged_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace voxanne::telephony::sip {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Address any = boost::asio::ip::make_address("0.0.0.0");
const Address loopback = boost::asio::ip::make_address("127.0.0.1");
const Address second_loopback = boost::asio::ip::make_address("127.0.0.2");
const Address not_ours = boost::asio::ip::make_address("192.0.2.1");

Result<> claim(Listen& listener) {
  const auto port = claim_port(listener);
  if (!port) return port.error();
  listener.port = *port;
  return {};
}

Result<std::vector<Listen>> listen_on(const Address& wanted, std::uint16_t port,
                                      const std::vector<Address>& found) {
  std::vector<Listen> addresses;
  for (const Address& address : found) addresses.push_back({Transport::udp, address, port});
  return sip::listen_on({Transport::udp, wanted, port}, addresses, claim);
}

TEST(listen_on, an_address_of_a_wildcard_that_cannot_be_bound_is_skipped_with_a_warning) {
  const test::LoggedLines logged;
  const auto listening = listen_on(any, 0, {not_ours, loopback, second_loopback}).value();
  ASSERT_EQ(listening.size(), 2U);
  EXPECT_EQ(listening[0].address, loopback);
  EXPECT_NE(listening[0].port, 0);
  EXPECT_EQ(listening[1], (Listen{Transport::udp, second_loopback, listening[0].port}));
  EXPECT_THAT(logged.of("sip.address_skipped"),
              ElementsAre(HasSubstr("address=192.0.2.1 code=sip_address_unavailable")));
}

TEST(listen_on, a_wildcard_of_which_nothing_can_be_bound_is_an_error) {
  EXPECT_EQ(listen_on(any, 0, {not_ours}).error().code, "sip_address_unavailable");
  EXPECT_EQ(listen_on(any, 0, {}).error().code, "sip_listen_failed");
}

TEST(listen_on, an_address_that_was_asked_for_is_not_skipped) {
  const test::LoggedLines logged;
  const auto listening = listen_on(not_ours, 0, {not_ours});
  EXPECT_EQ(listening.error().code, "sip_address_unavailable");
  EXPECT_THAT(listening.error().message, HasSubstr("192.0.2.1"));
  EXPECT_THAT(logged.of("sip.address_skipped"), IsEmpty());
}

TEST(listen_on, a_port_in_use_at_one_address_of_a_wildcard_is_an_error) {
  boost::asio::io_context io;
  const boost::asio::ip::udp::socket other{io, {second_loopback, 0}};
  const auto listening = listen_on(any, other.local_endpoint().port(), {loopback, second_loopback});
  EXPECT_EQ(listening.error().code, "sip_port_in_use");
}

TEST(listen_on, a_wildcard_that_finds_only_loopback_addresses_warns) {
  const test::LoggedLines logged;
  const auto listening = listen_on(any, 0, {loopback}).value();
  EXPECT_THAT(logged.of("sip.only_loopback"),
              ElementsAre("listen=udp:0.0.0.0:" + std::to_string(listening[0].port) + " "));
  EXPECT_TRUE(listen_on(loopback, 0, {loopback}));
  Listen routable{Transport::udp, not_ours, 5060};
  EXPECT_TRUE(sip::listen_on({Transport::udp, any, 5060}, {{Transport::udp, loopback, 5060}, routable},
                             [](Listen&) { return Result<>{}; }));
  EXPECT_EQ(logged.of("sip.only_loopback").size(), 1U) << "neither where it was asked for nor beside others";
}

}  // namespace
}  // namespace voxanne::telephony::sip
