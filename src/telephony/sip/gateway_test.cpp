// The gateway seen from the network: a peer that says exactly what the test wants.
#include "telephony/sip/gateway.h"

#include "telephony/sip/test_gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>

namespace voxanne::telephony::sip {
namespace {

using test::SipMessage;
using test::SipPhone;
using testing::ElementsAre;
using testing::HasSubstr;
using Cause = LegEnd::Cause;

class SipInbound : public testing::TestWithParam<Transport> {
 protected:
  SipThread thread;
  TestGateway gateway{thread};
  SipPhone phone{gateway.port(GetParam()), GetParam() == Transport::udp ? SipPhone::udp : SipPhone::tcp};

  SipMessage call(const std::string& user, const std::string& sdp = SipPhone::sdp()) {
    phone.send(phone.request("INVITE", user, {.body = sdp}));
    return phone.response();
  }
  void ack(const std::string& body = {}) { phone.send(phone.request("ACK", "demo", {.body = body})); }
};

INSTANTIATE_TEST_SUITE_P(, SipInbound, testing::Values(Transport::udp, Transport::tcp),
                         [](const auto& info) { return std::string{to_string(info.param)}; });

TEST_P(SipInbound, is_answered_and_ended_by_the_caller) {
  const SipMessage ok = call("demo");
  ASSERT_EQ(ok.status, 200);
  EXPECT_THAT(ok.body, HasSubstr("RTP/AVP 0 101\r\n"));
  EXPECT_THAT(ok.header("Contact"), HasSubstr("127.0.0.1:" + std::to_string(gateway.port(GetParam()))));
  ack();
  const InboundInfo info = gateway.info();
  EXPECT_EQ(info.from_number, "+447700900123");
  EXPECT_EQ(info.from_name, "Anna");
  EXPECT_EQ(info.to, "demo");
  EXPECT_EQ(info.source, "127.0.0.1:" + std::to_string(phone.port()));
  EXPECT_EQ(info.protocol_id, phone.call_id());

  phone.send(phone.request("BYE", "demo", {.in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::remote_hung_up);
}

TEST_P(SipInbound, what_a_registrar_sends_to_our_contact_keeps_the_number_that_was_dialled) {
  phone.send(phone.request("INVITE", "voxanne", {.body = SipPhone::sdp(), .to = "+442079460000"}));
  EXPECT_EQ(gateway.info(0).to, "+442079460000");
  phone.new_call();
  phone.send(phone.request("INVITE", "voxanne",
                           {.headers = "P-Called-Party-ID: <sip:+442079460001@trunk.example>\r\n",
                            .body = SipPhone::sdp(),
                            .to = "+442079460000"}));
  EXPECT_EQ(gateway.info(1).to, "+442079460001");
  phone.new_call();
  phone.send(phone.request("INVITE", "+442079460002", {.body = SipPhone::sdp(), .to = "+442079460000"}));
  EXPECT_EQ(gateway.info(2).to, "+442079460002");
}

TEST_P(SipInbound, is_ended_by_us) {
  ASSERT_EQ(call("demo").status, 200);
  ack();
  gateway.call().hang_up();
  const SipMessage bye = phone.next_request();
  EXPECT_EQ(bye.method, "BYE");
  phone.send(phone.reply(bye, 200, "OK"));
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::local_hung_up);
}

TEST_P(SipInbound, no_audio_goes_where_an_offer_points_before_the_answer_is_acknowledged) {
  boost::asio::io_context io;
  boost::asio::ip::udp::socket victim{io, {boost::asio::ip::address_v4::loopback(), 0}};
  ASSERT_EQ(call("demo", SipPhone::sdp("0", victim.local_endpoint().port())).status, 200);
  std::this_thread::sleep_for(200ms);
  EXPECT_EQ(victim.available(), 0U);
  ack();
  for (int i = 0; i < 250 && victim.available() == 0; ++i) std::this_thread::sleep_for(20ms);
  EXPECT_GT(victim.available(), 0U);
}

TEST_P(SipInbound, destroying_a_living_leg_hangs_up) {
  ASSERT_EQ(call("demo").status, 200);
  ack();
  gateway.call().destroy();
  EXPECT_EQ(phone.next_request().method, "BYE");
}

TEST_P(SipInbound, rings_until_the_leg_is_answered) {
  phone.send(phone.request("INVITE", "slow", {.body = SipPhone::sdp("8")}));
  ASSERT_EQ(phone.response(180).status, 180);
  gateway.call().answer();
  const SipMessage ok = phone.response();
  EXPECT_EQ(ok.status, 200);
  EXPECT_THAT(ok.body, HasSubstr("RTP/AVP 8\r\n"));
}

TEST_P(SipInbound, is_cancelled_early) {
  phone.send(phone.request("INVITE", "slow", {.body = SipPhone::sdp()}));
  ASSERT_EQ(phone.response(180).status, 180);
  phone.send(phone.request("CANCEL", "slow", {.same_transaction = true}));
  const SipMessage first = phone.response(), second = phone.response();
  EXPECT_THAT((std::vector{first.status, second.status}), testing::UnorderedElementsAre(200, 487));
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::cancelled);
}

TEST_P(SipInbound, is_answered_once_the_caller_has_acknowledged_it) {
  ASSERT_EQ(call("demo", SipPhone::sdp()).status, 200);
  EXPECT_FALSE(gateway.call().wait_for("answered", milliseconds{200}));
  ack();
  EXPECT_TRUE(gateway.call().wait_for("answered"));
}

TEST_P(SipInbound, late_offer_is_narrowband_and_answered_in_the_ack) {
  const SipMessage ok = call("demo", "");
  ASSERT_EQ(ok.status, 200);
  EXPECT_THAT(ok.body, HasSubstr("RTP/AVP 0 8 101\r\n"));
  ack(SipPhone::sdp("8"));
  phone.send(phone.request("BYE", "demo", {.in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::remote_hung_up);
}

TEST_P(SipInbound, late_offer_that_is_never_answered_ends_the_call) {
  ASSERT_EQ(call("demo", "").status, 200);
  ack();
  EXPECT_EQ(phone.next_request().method, "BYE");
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::rejected);
}

TEST_P(SipInbound, hold_and_resume) {
  ASSERT_EQ(call("demo").status, 200);
  ack();
  phone.send(phone.request("INVITE", "demo",
                           {.body = SipPhone::sdp("0", 40'000, "a=sendonly\r\n"), .in_dialog = true}));
  const SipMessage held = phone.response();
  ASSERT_EQ(held.status, 200);
  EXPECT_THAT(held.body, HasSubstr("a=recvonly\r\n"));
  ack();
  ASSERT_TRUE(gateway.call().wait_for("hold"));

  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp("0"), .in_dialog = true}));
  const SipMessage resumed = phone.response();
  ASSERT_EQ(resumed.status, 200);
  EXPECT_THAT(resumed.body, HasSubstr("a=sendrecv\r\n"));
  ack();
  ASSERT_TRUE(gateway.call().wait_for("resume"));
  EXPECT_THAT(gateway.call().events(), ElementsAre("answered", "hold", "resume"));
}

TEST_P(SipInbound, a_change_without_offer_is_offered_what_is_in_use) {
  ASSERT_EQ(call("demo").status, 200);
  ack();
  phone.send(phone.request("INVITE", "demo", {.in_dialog = true}));
  const SipMessage offer = phone.response();
  ASSERT_EQ(offer.status, 200);
  EXPECT_THAT(offer.body, HasSubstr("RTP/AVP 0 101\r\n"));
  ack(SipPhone::sdp("0", 40'000, "a=inactive\r\n"));
  ASSERT_TRUE(gateway.call().wait_for("hold"));
}

TEST_P(SipInbound, a_call_that_begins_on_hold_says_so) {
  ASSERT_EQ(call("demo", SipPhone::sdp("0", 40'000, "a=sendonly\r\n")).status, 200);
  EXPECT_TRUE(gateway.call().wait_for("hold"));
}

TEST_P(SipInbound, a_change_that_is_not_acceptable_leaves_the_call_as_it_was) {
  ASSERT_EQ(call("demo").status, 200);
  ack();
  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp("18"), .in_dialog = true}));
  EXPECT_EQ(phone.response().status, 488);
  phone.send(phone.request("BYE", "demo", {.in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
  ASSERT_TRUE(gateway.call().wait_for("ended"));
  EXPECT_EQ(gateway.call().end().cause, Cause::remote_hung_up);
}

TEST_P(SipInbound, is_refused_with_the_reason_and_when_to_try_again) {
  const struct {
    const char* user;
    int status;
    const char* retry_after;
  } cases[] = {{"nobody", 404, ""},
               {"forbidden", 403, ""},
               {"busy", 486, "7"},
               {"full", 503, "7"},
               {"leaving", 503, "7"}};
  std::size_t n = 0;
  for (const auto& expected : cases) {
    phone.new_call();
    const SipMessage refusal = call(expected.user);
    EXPECT_EQ(refusal.status, expected.status) << expected.user;
    EXPECT_EQ(refusal.header("Retry-After"), expected.retry_after) << expected.user;
    phone.send(phone.request("ACK", expected.user, {.same_transaction = true}));
    ASSERT_TRUE(gateway.call(n).wait_for("ended"));
    EXPECT_EQ(gateway.call(n).end().cause, Cause::rejected);
    EXPECT_EQ(gateway.call(n++).end().status, expected.status);
  }
}

TEST_P(SipInbound, info_carries_key_presses) {
  ASSERT_EQ(call("demo").status, 200);
  ack();
  phone.send(phone.request(
      "INFO", "demo",
      {.body = "Signal=5\r\nDuration=160\r\n", .type = "application/dtmf-relay", .in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
  phone.send(phone.request("INFO", "demo", {.body = "#", .type = "application/dtmf", .in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
  phone.send(phone.request("INFO", "demo",
                           {.body = "Signal=x", .type = "application/dtmf-relay", .in_dialog = true}));
  EXPECT_EQ(phone.response().status, 400);
  phone.send(phone.request("INFO", "demo", {.body = "hi", .type = "text/plain", .in_dialog = true}));
  EXPECT_EQ(phone.response().status, 415);
  ASSERT_TRUE(gateway.call().wait_for("digit #"));
  EXPECT_EQ(gateway.call().digits(), "5#");
}

TEST_P(SipInbound, options_tells_what_we_take) {
  phone.send(phone.request("OPTIONS", "demo"));
  const SipMessage ok = phone.response();
  EXPECT_EQ(ok.status, 200);
  EXPECT_EQ(ok.header("Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO");
  EXPECT_EQ(ok.header("Accept"), "application/sdp");
}

TEST_P(SipInbound, other_methods_are_not_allowed_in_or_out_of_a_dialog) {
  for (const char* method :
       {"UPDATE", "SUBSCRIBE", "MESSAGE", "REGISTER", "PUBLISH", "NOTIFY", "REFER", "FROB"}) {
    phone.send(phone.request(method, "demo"));
    const SipMessage refusal = phone.response();
    EXPECT_EQ(refusal.status, 405) << method;
    EXPECT_NE(refusal.header("Allow"), "") << method;
  }
  ASSERT_EQ(call("demo").status, 200);
  ack();
  for (const char* method : {"UPDATE", "REFER", "NOTIFY"}) {
    phone.send(phone.request(method, "demo", {.in_dialog = true}));
    EXPECT_EQ(phone.response().status, 405) << method;
  }
}

TEST_P(SipInbound, requests_of_unknown_dialogs_are_told_so) {
  phone.send(phone.request("BYE", "demo"));
  EXPECT_EQ(phone.response().status, 481);
  phone.send(phone.request("CANCEL", "demo"));
  EXPECT_EQ(phone.response().status, 481);
  phone.send(phone.request("ACK", "demo"));
  EXPECT_TRUE(phone.silent_for(100ms));
  ASSERT_EQ(call("demo").status, 200);
  ack();
  const std::string stranger = phone.request("INVITE", "demo", {.body = SipPhone::sdp(), .in_dialog = true});
  phone.send(std::string{stranger}.replace(stranger.find("\r\nCSeq"), 0, "x"));
  EXPECT_EQ(phone.response().status, 481);
}

TEST_P(SipInbound, bodies_that_are_no_usable_offer_are_refused_precisely) {
  const struct {
    std::string body, type, headers;
    int status;
  } cases[] = {
      {"hello", "text/plain", "", 415},
      {SipPhone::sdp(), "multipart/mixed;boundary=x", "", 415},
      {SipPhone::sdp(), "application/sdp", "Content-Encoding: gzip\r\n", 415},
      {"hello", "application/sdp", "", 400},
      {SipPhone::sdp("18"), "application/sdp", "", 488},
      {"v=0\r\nm=audio 4000 RTP/AVP 0\r\n", "application/sdp", "", 488},
      {SipPhone::sdp(), "application/sdp", "Require: 100rel, timer\r\n", 420},
  };
  for (const auto& bad : cases) {
    phone.new_call();
    phone.send(phone.request("INVITE", "demo", {.headers = bad.headers, .body = bad.body, .type = bad.type}));
    const SipMessage refusal = phone.response();
    EXPECT_EQ(refusal.status, bad.status) << bad.body << bad.headers;
    if (bad.status == 415)
      EXPECT_NE(refusal.header("Accept") + refusal.header("Accept-Encoding"), "");
    else if (bad.status == 488)
      EXPECT_THAT(refusal.header("Warning"), HasSubstr("voxanne"));
    else if (bad.status == 420)
      EXPECT_EQ(refusal.header("Unsupported"), "100rel, timer");
  }
  EXPECT_EQ(gateway.arrived(), 0U);
}

}  // namespace
}  // namespace voxanne::telephony::sip
