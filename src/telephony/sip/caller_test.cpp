// Our own caller against our own gateway: what `voxanne call` and the load test rely on, with audio
// and key presses both ways.
#include "support/logged_lines.h"
#include "telephony/sip/client.h"
#include "telephony/sip/test_gateway.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::sip {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Cause = LegEnd::Cause;

class Caller : public testing::Test {
 protected:
  std::unique_ptr<test::LegRecorder> call(const std::string& uri) {
    caller = std::make_unique<TestGateway>(thread, caller_options(uri).value());
    return caller->dial({.to = uri, .from_number = "+447700900123", .from_name = "Anna"});
  }
  void talk(TestGateway& gateway, const std::string& uri) {
    const auto leg = call(uri);
    ASSERT_TRUE(leg->wait_for("answered"));
    EXPECT_TRUE(leg->wait_for_voice(25));
    test::LegRecorder& called = gateway.call();
    EXPECT_TRUE(called.wait_for_voice(25));
    EXPECT_EQ(leg->sample_rate(), 16'000);
    EXPECT_EQ(called.sample_rate(), 16'000);
    EXPECT_EQ(gateway.info().from_number, "+447700900123");

    leg->on_shard([](Leg& caller_leg) { caller_leg.send_digits("12#"); });
    called.on_shard([](Leg& called_leg) { called_leg.send_digits("9*"); });
    EXPECT_TRUE(called.wait_for("digit #"));
    EXPECT_TRUE(leg->wait_for("digit *"));
    EXPECT_EQ(called.digits(), "12#");
    EXPECT_EQ(leg->digits(), "9*");

    leg->hang_up();
    EXPECT_TRUE(called.wait_for("ended"));
    EXPECT_EQ(called.end().cause, Cause::remote_hung_up);
    EXPECT_TRUE(leg->wait_for("ended"));
    EXPECT_EQ(leg->end().cause, Cause::local_hung_up);
    called.on_shard([](Leg& ended) {
      EXPECT_GE(ended.media_stats().received, 25U);
      EXPECT_GE(ended.media_stats().sent, 25U);
    });
  }

  test::LoggedLines logged;
  SipThread thread;
  std::unique_ptr<TestGateway> caller;
};

TEST_F(Caller, talks_and_presses_keys_over_udp) {
  TestGateway gateway{thread};
  talk(gateway, gateway.uri("demo"));
}

TEST_F(Caller, talks_and_presses_keys_over_tcp) {
  TestGateway gateway{thread};
  talk(gateway, gateway.uri("demo", Transport::tcp));
}

TEST_F(Caller, talks_and_presses_keys_over_ipv6) {
  Options options = TestGateway::options();
  options.listen = {{Transport::udp, boost::asio::ip::address_v6::loopback(), 0}};
  TestGateway gateway{thread, options};
  talk(gateway, "sip:demo@[::1]:" + std::to_string(gateway.port(Transport::udp)));
}

TEST_F(Caller, reaches_who_listens_on_all_addresses_and_is_reached_from_there) {
  Options options = TestGateway::options();
  const Address any = boost::asio::ip::address_v4::any();
  options.listen = {{Transport::udp, any, 0}, {Transport::tcp, any, 0}};
  TestGateway gateway{thread, options};
  talk(gateway, gateway.uri("demo"));
  TestGateway other{thread};
  const auto back = gateway.dial({.to = other.uri("demo"), .from_number = "+442079460000", .from_name = ""});
  ASSERT_TRUE(back->wait_for("answered"));
  EXPECT_TRUE(back->wait_for_voice(25));
  EXPECT_TRUE(other.call().wait_for_voice(25));
  other.call().hang_up();
  EXPECT_TRUE(back->wait_for("ended"));
}

TEST_F(Caller, reaches_who_listens_on_all_ipv6_addresses) {
  Options options = TestGateway::options();
  options.listen = {{Transport::udp, boost::asio::ip::address_v6::any(), 0}};
  TestGateway gateway{thread, options};
  talk(gateway, "sip:demo@[::1]:" + std::to_string(gateway.port(Transport::udp)));
}

TEST_F(Caller, is_refused_with_the_reason) {
  TestGateway gateway{thread};
  const auto leg = call(gateway.uri("busy"));
  ASSERT_TRUE(leg->wait_for("ended"));
  EXPECT_THAT(leg->events(), ElementsAre("ringing", "ended"));
  EXPECT_EQ(leg->end().cause, Cause::busy);
  const auto none = caller->dial({.to = gateway.uri("nobody"), .from_number = "", .from_name = ""});
  ASSERT_TRUE(none->wait_for("ended"));
  EXPECT_EQ(none->end().cause, Cause::rejected);
  EXPECT_EQ(none->end().status, 404);
}

TEST_F(Caller, takes_no_calls) {
  TestGateway gateway{thread};
  const auto leg = call(gateway.uri("demo"));
  ASSERT_TRUE(leg->wait_for("answered"));
  const auto back = gateway.dial({.to = caller->uri("anna"), .from_number = "", .from_name = ""});
  ASSERT_TRUE(back->wait_for("ended"));
  EXPECT_EQ(back->end().status, 403);
}

TEST_F(Caller, silence_from_the_far_end_ends_the_call) {
  Options options = TestGateway::options();
  options.media_silence_limit = 1s;
  TestGateway gateway{thread, options};
  test::SipPhone phone{gateway.port(Transport::udp), test::SipPhone::udp};
  phone.send(phone.request("INVITE", "demo", {.body = test::SipPhone::sdp()}));
  ASSERT_EQ(phone.response().status, 200);
  phone.send(phone.request("ACK", "demo"));
  EXPECT_EQ(phone.next_request().method, "BYE");
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::media_timeout);
}

TEST_F(Caller, a_range_of_rtp_ports_that_is_used_up_is_a_503_and_ours_to_mend) {
  Options options = TestGateway::options();
  options.first_rtp_port = 19'996;
  options.last_rtp_port = 19'999;
  TestGateway gateway{thread, options};
  const auto first = call(gateway.uri("demo"));
  ASSERT_TRUE(first->wait_for("answered"));
  const auto second = caller->dial({.to = gateway.uri("demo"), .from_number = "", .from_name = ""});
  ASSERT_TRUE(second->wait_for("answered"));
  const auto third = caller->dial({.to = gateway.uri("demo"), .from_number = "", .from_name = ""});
  ASSERT_TRUE(third->wait_for("ended"));
  EXPECT_EQ(third->end().status, 503);
  ASSERT_TRUE(gateway.call(2).wait_for("ended"));
  EXPECT_EQ(gateway.call(2).end().cause, Cause::media_unavailable);
  EXPECT_EQ(gateway.call(2).end().status, 503);
  EXPECT_THAT(gateway.call(2).end().detail, HasSubstr("widen the range"));

  const auto back = gateway.dial({.to = caller->uri("anna"), .from_number = "", .from_name = ""});
  ASSERT_TRUE(back->wait_for("ended"));
  EXPECT_EQ(back->end().cause, Cause::media_unavailable);
  EXPECT_EQ(back->end().status, 0);
  EXPECT_THAT(back->end().detail, HasSubstr("widen the range"));

  thread.run([] {});  // where it is logged
  EXPECT_THAT(logged.of("sip.media_unavailable"),
              ElementsAre(AllOf(HasSubstr("code=rtp_ports_exhausted"), HasSubstr("widen the range"))))
      << "one line, however many calls";
}

}  // namespace
}  // namespace voxanne::telephony::sip
