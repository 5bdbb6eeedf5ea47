// Calls that go out, to a peer that does as the test wants.
#include "telephony/sip/test_gateway.h"

#include <gtest/gtest.h>

#include <thread>

namespace voxanne::telephony::sip {
namespace {

using test::SipMessage;
using test::SipPhone;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Cause = LegEnd::Cause;

class Outbound : public testing::Test {
 protected:
  Outbound() { phone.connect(gateway.port(Transport::udp)); }

  std::unique_ptr<test::LegRecorder> dial(milliseconds ring_timeout = 45s) {
    auto leg = gateway.dial({.to = "sip:anna@127.0.0.1:" + std::to_string(phone.port()),
                             .from_number = "+442079460000",
                             .from_name = "Harbour",
                             .ring_timeout = ring_timeout});
    invite = phone.next_request();
    EXPECT_EQ(invite.method, "INVITE");
    phone.join(invite);
    return leg;
  }
  void answer(const std::string& sdp = SipPhone::sdp("0")) {
    phone.send(phone.reply(invite, 200, "OK", "", sdp));
    EXPECT_EQ(phone.next_request().method, "ACK");
  }

  SipThread thread;
  TestGateway gateway{thread};
  SipPhone phone;
  SipMessage invite;
};

TEST_F(Outbound, rings_is_answered_and_ended_by_the_far_end) {
  const auto leg = dial();
  EXPECT_THAT(invite.header("From"), StartsWith("\"Harbour\" <sip:+442079460000@127.0.0.1>;tag="));
  EXPECT_EQ(invite.header("P-Asserted-Identity"), "");
  EXPECT_THAT(invite.body, HasSubstr("RTP/AVP 9 0 8 101\r\n"));
  phone.send(phone.reply(invite, 100, "Trying"));
  phone.send(phone.reply(invite, 180, "Ringing"));
  phone.send(phone.reply(invite, 180, "Ringing"));
  ASSERT_TRUE(leg->wait_for("ringing"));
  answer();
  ASSERT_TRUE(leg->wait_for("answered"));
  phone.send(phone.request("BYE", "voxanne", {.in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
  ASSERT_TRUE(leg->wait_for("ended"));
  EXPECT_THAT(leg->events(), ElementsAre("ringing", "answered", "ended"));
  EXPECT_EQ(leg->end().cause, Cause::remote_hung_up);
}

TEST_F(Outbound, is_ended_by_us) {
  const auto leg = dial();
  answer();
  ASSERT_TRUE(leg->wait_for("answered"));
  leg->hang_up();
  EXPECT_EQ(phone.next_request().method, "BYE");
  ASSERT_TRUE(leg->wait_for("ended"));
  EXPECT_EQ(leg->end().cause, Cause::local_hung_up);
}

TEST_F(Outbound, final_refusals_say_what_they_mean) {
  const struct {
    int status;
    Cause cause;
  } cases[] = {{486, Cause::busy},      {600, Cause::busy},     {480, Cause::no_answer},
               {408, Cause::no_answer}, {404, Cause::rejected}, {403, Cause::rejected},
               {503, Cause::rejected},  {401, Cause::rejected}, {603, Cause::rejected},
               {488, Cause::rejected}};
  for (const auto& refusal : cases) {
    const auto leg = dial();
    phone.send(
        phone.reply(invite, refusal.status, "No",
                    refusal.status == 401 ? "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n" : ""));
    EXPECT_EQ(phone.next_request().method, "ACK");
    ASSERT_TRUE(leg->wait_for("ended"));
    EXPECT_EQ(leg->end().cause, refusal.cause) << refusal.status;
    EXPECT_EQ(leg->end().status, refusal.status);
  }
}

// A redirect would have us call, and pay for, whomever it names.
TEST_F(Outbound, redirects_are_not_followed) {
  SipPhone elsewhere;
  elsewhere.connect(gateway.port(Transport::udp));
  const std::string there = "sip:+999900@127.0.0.1:" + std::to_string(elsewhere.port());
  for (const int status : {300, 301, 302, 305, 380}) {
    const auto leg = dial();
    phone.send(phone.reply(invite, status, "Moved", "Contact: <" + there + ">\r\n"));
    EXPECT_EQ(phone.next_request().method, "ACK") << status;
    ASSERT_TRUE(leg->wait_for("ended")) << status;
    EXPECT_EQ(leg->end().cause, Cause::rejected);
  }
  EXPECT_TRUE(elsewhere.silent_for(300ms));
}

TEST_F(Outbound, nobody_answering_is_cancelled) {
  const auto leg = dial(1s);
  phone.send(phone.reply(invite, 180, "Ringing"));
  SipMessage cancel = phone.next_request();
  EXPECT_EQ(cancel.method, "CANCEL");
  phone.send(phone.reply(cancel, 200, "OK"));
  phone.send(phone.reply(invite, 487, "Request Terminated"));
  EXPECT_EQ(phone.next_request().method, "ACK");
  ASSERT_TRUE(leg->wait_for("ended"));
  EXPECT_EQ(leg->end().cause, Cause::no_answer);
}

TEST_F(Outbound, giving_up_early_is_a_cancel) {
  const auto leg = dial();
  phone.send(phone.reply(invite, 180, "Ringing"));
  ASSERT_TRUE(leg->wait_for("ringing"));
  leg->hang_up();
  EXPECT_EQ(phone.next_request().method, "CANCEL");
  ASSERT_TRUE(leg->wait_for("ended"));
  EXPECT_EQ(leg->end().cause, Cause::cancelled);
}

TEST_F(Outbound, an_answer_that_crosses_the_cancel_is_hung_up) {
  const auto leg = dial();
  phone.send(phone.reply(invite, 180, "Ringing"));
  ASSERT_TRUE(leg->wait_for("ringing"));
  leg->hang_up();
  EXPECT_EQ(phone.next_request().method, "CANCEL");
  phone.send(phone.reply(invite, 200, "OK", "", SipPhone::sdp("0")));
  EXPECT_EQ(phone.next_request().method, "ACK");
  EXPECT_EQ(phone.next_request().method, "BYE");
}

TEST_F(Outbound, an_early_description_counts_where_the_answer_has_none) {
  const auto leg = dial();
  phone.send(phone.reply(invite, 183, "Session Progress", "", SipPhone::sdp("8")));
  ASSERT_TRUE(leg->wait_for("ringing"));
  answer("");
  ASSERT_TRUE(leg->wait_for("answered"));
  leg->on_shard([](Leg& answered) { EXPECT_EQ(answered.sample_rate(), 8000); });
}

TEST_F(Outbound, the_answer_decides_the_rate) {
  const auto leg = dial();
  answer(SipPhone::sdp("9"));
  ASSERT_TRUE(leg->wait_for("answered"));
  leg->on_shard([](Leg& answered) { EXPECT_EQ(answered.sample_rate(), 16000); });
}

TEST_F(Outbound, an_answer_that_we_cannot_use_is_hung_up) {
  for (const std::string& sdp : {SipPhone::sdp("18"), std::string{"hello"}, std::string{}}) {
    const auto leg = dial();
    answer(sdp);
    EXPECT_EQ(phone.next_request().method, "BYE");
    ASSERT_TRUE(leg->wait_for("ended"));
    EXPECT_EQ(leg->end().cause, Cause::rejected);
    EXPECT_NE(leg->end().detail, "");
  }
}

TEST_F(Outbound, a_far_end_that_is_not_there_fails_at_once_over_tcp) {
  const auto leg =
      gateway.dial({.to = "sip:anna@127.0.0.1:1;transport=tcp", .from_number = "", .from_name = ""});
  ASSERT_TRUE(leg->wait_for("ended"));
  EXPECT_EQ(leg->end().cause, Cause::transport_failed);
}

TEST_F(Outbound, what_cannot_be_dialled_is_said_before_anything_is_sent) {
  const auto error_of = [&](const std::string& to) {
    return gateway.gateway()
        .dial(gateway.shard(), {.to = to, .from_number = "", .from_name = ""})
        .error()
        .code;
  };
  EXPECT_EQ(error_of("sip:anna@127.0.0.1\r\nX: y"), "invalid_sip_uri");
  EXPECT_EQ(error_of("sips:anna@127.0.0.1"), "invalid_sip_uri");
  EXPECT_EQ(error_of("sip:anna@[::1]"), "sip_no_listener");
  EXPECT_EQ(error_of("+442079460000"), "no_trunk");
  EXPECT_EQ(error_of("anna"), "invalid_phone_number");
  gateway.gateway().stop();
  EXPECT_EQ(error_of("sip:anna@127.0.0.1"), "draining");
}

}  // namespace
}  // namespace voxanne::telephony::sip
