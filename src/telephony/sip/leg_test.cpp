// Key presses of a far end that tells of them by INFO, by telephone-events, or by both.
#include "telephony/sip/leg.h"

#include "support/patience.h"
#include "telephony/rtp/dtmf.h"
#include "telephony/rtp/packet.h"
#include "telephony/sip/test_gateway.h"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

#include <charconv>

#include <poll.h>

namespace voxanne::telephony::sip {
namespace {

using test::SipMessage;
using test::SipPhone;

class KeyPresses : public testing::Test {
 protected:
  KeyPresses() {
    phone.send(
        phone.request("INVITE", "demo", {.body = SipPhone::sdp("0 101", rtp.local_endpoint().port())}));
    const SipMessage ok = phone.response();
    phone.send(phone.request("ACK", "demo"));
    const std::string media = "m=audio ";
    std::uint16_t port = 0;
    if (const auto at = ok.body.find(media); at != ok.body.npos)
      std::from_chars(ok.body.data() + at + media.size(), ok.body.data() + ok.body.size(), port);
    rtp.connect({boost::asio::ip::address_v4::loopback(), port});
    // What comes before its audio flows is not heard.
    pollfd audio{.fd = rtp.native_handle(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&audio, 1, test::patient(5'000)), 1);
  }

  void by_info(char digit) {
    phone.send(phone.request("INFO", "demo",
                             {.body = std::string{"Signal="} + digit + "\r\nDuration=160\r\n",
                              .type = "application/dtmf-relay",
                              .in_dialog = true}));
    EXPECT_EQ(phone.response().status, 200);
    // The leg is told of it by the time that this is answered.
    phone.send(phone.request("OPTIONS", "demo", {.in_dialog = true}));
    EXPECT_EQ(phone.response().status, 200);
  }
  void by_event(char digit) {
    std::vector<std::uint8_t> bytes(rtp::header_size);
    timestamp += 1'600;
    rtp::write(
        {.marker = true, .payload_type = 101, .sequence = ++sequence, .timestamp = timestamp, .ssrc = 7},
        std::span{bytes}.first<rtp::header_size>());
    const auto event = rtp::write_event({.code = *rtp::code_of(digit), .end = true, .duration = 800});
    bytes.insert(bytes.end(), event.begin(), event.end());
    rtp.send(boost::asio::buffer(bytes));
  }
  std::string digits_up_to(char last) {
    EXPECT_TRUE(gateway.call().wait_for(std::string{"digit "} + last));
    return gateway.call().digits();
  }

  SipThread thread;
  TestGateway gateway{thread};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp};
  boost::asio::io_context io;
  boost::asio::ip::udp::socket rtp{io, {boost::asio::ip::address_v4::loopback(), 0}};
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
};

TEST_F(KeyPresses, by_info_are_not_counted_again_where_events_tell_of_them) {
  by_event('5');
  EXPECT_EQ(digits_up_to('5'), "5");
  by_info('5');
  by_event('6');
  EXPECT_EQ(digits_up_to('6'), "56");
  by_info('6');
  by_event('#');
  EXPECT_EQ(digits_up_to('#'), "56#");
}

TEST_F(KeyPresses, first_told_of_by_info_are_one_with_the_event_that_follows) {
  by_info('5');
  EXPECT_EQ(digits_up_to('5'), "5");
  by_event('5');
  by_event('5');
  by_event('#');
  EXPECT_EQ(digits_up_to('#'), "55#") << "only the first could be the same";
}

TEST_F(KeyPresses, by_info_that_differ_from_the_event_are_other_ones) {
  by_info('5');
  by_event('6');
  EXPECT_EQ(digits_up_to('6'), "56");
}

TEST_F(KeyPresses, by_info_count_again_when_the_audio_moves_to_another_device) {
  by_event('5');
  EXPECT_EQ(digits_up_to('5'), "5");
  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp("0 101", 40'000), .in_dialog = true}));
  ASSERT_EQ(phone.response().status, 200);
  phone.send(phone.request("ACK", "demo"));
  by_info('7');
  EXPECT_EQ(digits_up_to('7'), "57");
}

}  // namespace
}  // namespace voxanne::telephony::sip
