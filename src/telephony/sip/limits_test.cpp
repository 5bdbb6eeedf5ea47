// What the gateway withstands and turns away: junk, strangers, too much at once, too late.
#include "telephony/sip/test_gateway.h"

#include <gtest/gtest.h>

#include <thread>

namespace voxanne::telephony::sip {
namespace {

using test::SipMessage;
using test::SipPhone;
using testing::ElementsAre;
using Cause = LegEnd::Cause;

class Limits : public testing::Test {
 protected:
  SipThread thread;
};

TEST_F(Limits, what_is_not_sip_is_dropped_and_what_lacks_a_header_is_400) {
  TestGateway gateway{thread};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp};
  const std::string whole = phone.request("INVITE", "slow", {.body = SipPhone::sdp()});
  const auto without = [&](const std::string& name) {
    const auto at = whole.find("\r\n" + name + ":");
    return whole.substr(0, at) + whole.substr(whole.find("\r\n", at + 2));
  };
  const auto with = [&](const std::string& old, const std::string& now) {
    std::string text = whole;
    return text.replace(text.find(old), old.size(), now);
  };

  for (const std::string& broken : {without("Call-ID"), without("From"), without("To"), without("CSeq"),
                                    with("CSeq: 1 INVITE", "CSeq: 1 BYE"), with(";tag=", ";tog="),
                                    without("Contact"), with("Content-Length: ", "Content-Length: 9")}) {
    phone.send(broken);
    EXPECT_EQ(phone.response().status, 400) << broken;
  }
  phone.send(with("INVITE sip:", "INVITE tel:"));
  EXPECT_EQ(phone.response().status, 416);
  phone.send(with("Contact: <sip:phone@", "Contact: <sip:ph\r\n one@"));
  EXPECT_EQ(phone.response().status, 400);

  for (const std::string& junk :
       {std::string{"\r\n\r\n"}, std::string{"GET / HTTP/1.1\r\n\r\n"}, std::string(8'000, 'A'),
        std::string(100, '\0'), std::string{"INVITE\r\n\r\n"}, std::string{"SIP/2.0 200 OK\r\n\r\n"},
        std::string{"SIP/2.0 abc\r\n\r\n"}, without("Via"), with(";rport", ";rport;maddr=203.0.113.9"),
        whole.substr(0, 60)})
    phone.send(junk);
  phone.new_call();
  phone.send(phone.request("OPTIONS", "demo"));
  EXPECT_EQ(phone.receive().status, 200);  // the first that comes: nothing of the junk was answered
  EXPECT_GT(gateway.gateway().health().malformed, 7U);
}

TEST_F(Limits, truncations_and_flipped_bytes_never_harm) {
  TestGateway gateway{thread};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp};
  const std::string whole = phone.request("INVITE", "slow", {.body = SipPhone::sdp()});
  for (std::size_t length = 0; length < whole.size(); length += 3) phone.send(whole.substr(0, length));
  for (std::size_t at = 0; at < whole.size(); at += 2) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    phone.send(flipped);
  }
  // The burst may have filled the socket's buffer, so this one is repeated as UDP clients do.
  SipPhone other{gateway.port(Transport::udp), SipPhone::udp, 200ms};
  int status = 0;
  for (int attempt = 0; attempt < 50 && status == 0; ++attempt) {
    other.send(other.request("OPTIONS", "demo"));
    status = other.response().status;
  }
  EXPECT_EQ(status, 200);
}

TEST_F(Limits, an_answer_that_is_never_acknowledged_ends_the_call) {
  Options options = TestGateway::options();
  options.ack_timeout = 300ms;
  TestGateway gateway{thread, options};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp};
  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp()}));
  ASSERT_EQ(phone.response().status, 200);
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::transport_failed);
  phone.send(phone.request("ACK", "demo"));  // too late
  EXPECT_EQ(phone.next_request().method, "BYE");
}

TEST_F(Limits, other_sources_are_forbidden) {
  Options options = TestGateway::options();
  options.allow_loopback = false;
  options.allowed = {parse_network("192.0.2.0/24").value()};
  TestGateway gateway{thread, options};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp};
  for (const char* method : {"INVITE", "OPTIONS", "REGISTER", "BYE"}) {
    phone.send(phone.request(method, "demo"));
    EXPECT_EQ(phone.response().status, 403) << method;
  }
  EXPECT_EQ(gateway.arrived(), 0U);
  EXPECT_EQ(gateway.gateway().health().refused, 4U);
}

TEST_F(Limits, invites_over_the_rate_are_told_to_come_back) {
  Options options = TestGateway::options();
  options.invites_per_second = 0.01;
  options.invite_burst = 2;
  TestGateway gateway{thread, options};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp};
  std::vector<int> statuses;
  for (int i = 0; i < 3; ++i) {
    phone.new_call();
    phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp()}));
    const SipMessage answer = phone.response();
    statuses.push_back(answer.status);
    if (answer.status == 503) EXPECT_EQ(answer.header("Retry-After"), "2");
  }
  EXPECT_THAT(statuses, ElementsAre(200, 200, 503));
  EXPECT_EQ(gateway.gateway().health().limited, 1U);
}

TEST_F(Limits, calls_that_nobody_answers_are_bounded) {
  Options options = TestGateway::options();
  options.max_pending = 1;
  TestGateway gateway{thread, options};
  SipPhone first{gateway.port(Transport::udp), SipPhone::udp},
      second{gateway.port(Transport::udp), SipPhone::udp};
  first.send(first.request("INVITE", "slow", {.body = SipPhone::sdp()}));
  ASSERT_EQ(first.response(180).status, 180);
  second.send(second.request("INVITE", "slow", {.body = SipPhone::sdp()}));
  EXPECT_EQ(second.response().status, 503);
  gateway.call().answer();
  ASSERT_EQ(first.response().status, 200);
  second.new_call();
  second.send(second.request("INVITE", "slow", {.body = SipPhone::sdp()}));
  EXPECT_EQ(second.response(180).status, 180);
}

TEST_F(Limits, draining_refuses_new_calls_and_keeps_those_that_run) {
  TestGateway gateway{thread};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp},
      other{gateway.port(Transport::udp), SipPhone::udp};
  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp()}));
  ASSERT_EQ(phone.response().status, 200);
  phone.send(phone.request("ACK", "demo"));
  gateway.gateway().drain();
  other.send(other.request("INVITE", "demo", {.body = SipPhone::sdp()}));
  const SipMessage refusal = other.response();
  EXPECT_EQ(refusal.status, 503);
  EXPECT_EQ(refusal.header("Retry-After"), "2");
  EXPECT_EQ(gateway.gateway().health().calls, 1U);
  phone.send(phone.request("BYE", "demo", {.in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
}

TEST_F(Limits, stopping_hangs_up_what_still_talks) {
  auto gateway = std::make_unique<TestGateway>(thread);
  SipPhone phone{gateway->port(Transport::udp), SipPhone::udp},
      ringing{gateway->port(Transport::udp), SipPhone::udp};
  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp()}));
  ASSERT_EQ(phone.response().status, 200);
  phone.send(phone.request("ACK", "demo"));
  ringing.send(ringing.request("INVITE", "slow", {.body = SipPhone::sdp()}));
  ASSERT_EQ(ringing.response(180).status, 180);
  phone.send(phone.request("OPTIONS", "demo"));  // the ACK is in when this is answered
  ASSERT_EQ(phone.response().status, 200);

  std::thread answering{[&] {
    const SipMessage bye = phone.next_request();
    EXPECT_EQ(bye.method, "BYE");
    phone.send(phone.reply(bye, 200, "OK"));
  }};
  gateway->gateway().stop();
  answering.join();
  EXPECT_EQ(ringing.response().status, 503);
  EXPECT_TRUE(gateway->call(0).wait_for("ended"));
  EXPECT_TRUE(gateway->call(1).wait_for("ended"));
  EXPECT_FALSE(gateway->gateway().health().listening);
}

TEST_F(Limits, a_port_in_use_is_a_clear_error) {
  TestGateway first{thread};
  for (const Transport transport : {Transport::udp, Transport::tcp}) {
    Options options = TestGateway::options();
    options.listen = {{transport, boost::asio::ip::address_v4::loopback(), first.port(transport)}};
    async::SystemClock clock;
    Gateway second{thread, clock, options, {}};
    const auto started = second.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, "sip_port_in_use");
  }
}

}  // namespace
}  // namespace voxanne::telephony::sip
