// Who comes in by digest, and our own registration at a trunk.
#include "telephony/sip/test_gateway.h"

#include <gtest/gtest.h>

#include "telephony/sip/test_digest.h"

namespace voxanne::telephony::sip {
namespace {

using test::SipMessage;
using test::SipPhone;
using testing::HasSubstr;
using testing::StartsWith;

Options closed() {
  Options options = TestGateway::options();
  options.allow_loopback = false;
  return options;
}

class Access : public testing::Test {
 protected:
  SipThread thread;
};

// Nobody comes in but who knows anna's password.
class DigestAccess : public Access {
 protected:
  static Options options() {
    Options options = closed();
    options.users = {{"anna", Secret{"secret"}}};
    return options;
  }
  DigestAccess() { client.uri = "sip:demo@127.0.0.1:" + std::to_string(gateway.port(Transport::udp)); }

  SipMessage invite(const std::string& headers = "") {
    phone.new_call();
    phone.send(phone.request("INVITE", "demo", {.headers = headers, .body = SipPhone::sdp()}));
    return phone.response();
  }

  TestGateway gateway{thread, options()};
  SipPhone phone{gateway.port(Transport::udp), SipPhone::udp};
  DigestClient client;
};

TEST_F(DigestAccess, digest_opens_to_right_credentials_once) {
  const SipMessage challenge = invite();
  ASSERT_EQ(challenge.status, 401);
  EXPECT_THAT(challenge.header("WWW-Authenticate"), StartsWith("Digest realm=\"voxanne\""));
  client.take(challenge.header("WWW-Authenticate"));
  const std::string right = client.header();
  EXPECT_EQ(invite(right).status, 200);

  const SipMessage replayed = invite(right);
  EXPECT_EQ(replayed.status, 401);
  EXPECT_THAT(replayed.header("WWW-Authenticate"), HasSubstr("stale=true"));

  client.take(replayed.header("WWW-Authenticate"));
  client.password = "guess";
  EXPECT_EQ(invite(client.header()).status, 403);
  EXPECT_EQ(invite("Authorization: Basic YW5uYTpzZWNyZXQ=\r\n").status, 400);
  EXPECT_EQ(invite("Authorization: Digest username=\"anna\"\r\n").status, 400);
  EXPECT_EQ(gateway.arrived(), 1U);
}

TEST_F(DigestAccess, who_has_guessed_too_often_is_refused_unheard) {
  const auto invite_as = [&](const std::string& password) {
    client.take(invite().header("WWW-Authenticate"));
    client.password = password;
    return invite(client.header()).status;
  };
  EXPECT_EQ(invite_as("secret"), 200) << "no guess";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(invite_as("guess" + std::to_string(i)), 403);
  EXPECT_EQ(invite_as("secret"), 403) << "it might have been the next guess";
  EXPECT_EQ(gateway.arrived(), 1U);
}

TEST_F(DigestAccess, requests_inside_a_call_need_no_credentials_and_others_do) {
  phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp()}));
  client.take(phone.response().header("WWW-Authenticate"));
  phone.send(phone.request("INVITE", "demo", {.headers = client.header(), .body = SipPhone::sdp()}));
  ASSERT_EQ(phone.response().status, 200);
  phone.send(phone.request("ACK", "demo"));
  phone.send(phone.request("BYE", "demo", {.in_dialog = true}));
  EXPECT_EQ(phone.response().status, 200);
  phone.send(phone.request("OPTIONS", "demo"));
  EXPECT_EQ(phone.response().status, 401);
}

class Registrar : public Access {
 protected:
  Options with_trunk() {
    Options options = closed();
    Trunk& trunk = options.trunk.emplace();
    trunk.uri = parse_uri("sip:127.0.0.1:" + std::to_string(phone.port())).value();
    trunk.username = "anna";
    trunk.password = Secret{"secret"};
    return options;
  }
  SipPhone phone;
};

TEST_F(Registrar, is_registered_at_with_digest_and_left_when_stopping) {
  TestGateway gateway{thread, with_trunk()};
  phone.connect(gateway.port(Transport::udp));
  const SipMessage first = phone.next_request();
  ASSERT_EQ(first.method, "REGISTER");
  EXPECT_THAT(first.start, HasSubstr("REGISTER sip:127.0.0.1:" + std::to_string(phone.port()) + " "));
  EXPECT_THAT(first.header("To"), HasSubstr("<sip:anna@127.0.0.1>"));
  EXPECT_FALSE(gateway.gateway().health().registered);
  phone.send(phone.reply(
      first, 401, "Unauthorized",
      "WWW-Authenticate: Digest realm=\"trunk\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"\r\n"));

  SipMessage second = phone.next_request();
  while (second.header("Authorization").empty()) second = phone.next_request();
  EXPECT_THAT(second.header("Authorization"), HasSubstr("username=\"anna\", realm=\"trunk\", nonce=\"abc\""));
  const std::string contact = second.header("Contact");
  EXPECT_THAT(contact, HasSubstr("<sip:voxanne@127.0.0.1:" + std::to_string(gateway.port(Transport::udp)) +
                                 ">;expires=300"));
  phone.send(phone.reply(second, 200, "OK", "Contact: " + contact + "\r\n"));
  // Where the trunk answers from, calls may come from.
  phone.send(phone.request("OPTIONS", "demo"));
  EXPECT_EQ(phone.receive().status, 200);
  EXPECT_TRUE(gateway.gateway().health().registered);

  gateway.gateway().stop();
  const SipMessage last = phone.next_request();
  EXPECT_EQ(last.method, "REGISTER");
  EXPECT_THAT(last.header("Contact"), HasSubstr(";expires=0"));
}

TEST_F(Registrar, that_refuses_leaves_us_unregistered_and_asks_again_later) {
  TestGateway gateway{thread, with_trunk()};
  phone.connect(gateway.port(Transport::udp));
  const SipMessage first = phone.next_request();
  phone.send(phone.reply(first, 403, "Forbidden"));
  SipMessage again = phone.next_request();  // after the first backoff, 1–2 s
  EXPECT_EQ(again.method, "REGISTER");
  EXPECT_FALSE(gateway.gateway().health().registered);
  EXPECT_TRUE(gateway.gateway().health().listening);
}

// The registrar's turn at whatever comes next of that method; nothing else is answered.
SipMessage next_of(SipPhone& phone, std::string_view method) {
  for (;;)
    if (SipMessage request = phone.next_request(); request.method == method || request.method.empty())
      return request;
}

TEST_F(Registrar, that_falls_silent_is_away_and_is_registered_at_again_when_it_is_back) {
  Options options = with_trunk();
  options.trunk->ask_every = 50ms;
  TestGateway gateway{thread, options};
  phone.connect(gateway.port(Transport::udp));
  phone.send(phone.reply(next_of(phone, "REGISTER"), 200, "OK"));
  phone.send(phone.reply(next_of(phone, "OPTIONS"), 405, "Method Not Allowed"));
  for (int i = 0; i < 20 && gateway.gateway().health().trunk_there; ++i)
    next_of(phone, "OPTIONS");  // and says nothing
  EXPECT_FALSE(gateway.gateway().health().trunk_there);
  phone.send(phone.reply(next_of(phone, "OPTIONS"), 200, "OK"));
  EXPECT_EQ(next_of(phone, "REGISTER").method, "REGISTER") << "long before it would have been renewed";
  EXPECT_TRUE(gateway.gateway().health().trunk_there);
}

TEST_F(Registrar, that_never_answers_options_is_not_away) {
  Options options = with_trunk();
  options.trunk->ask_every = 20ms;
  TestGateway gateway{thread, options};
  phone.connect(gateway.port(Transport::udp));
  phone.send(phone.reply(next_of(phone, "REGISTER"), 200, "OK"));
  for (int i = 0; i < 8; ++i) next_of(phone, "OPTIONS");
  EXPECT_TRUE(gateway.gateway().health().trunk_there);
}

TEST_F(Registrar, the_interval_it_asks_for_is_taken) {
  TestGateway gateway{thread, with_trunk()};
  phone.connect(gateway.port(Transport::udp));
  phone.send(phone.reply(phone.next_request(), 423, "Interval Too Brief", "Min-Expires: 900\r\n"));
  SipMessage longer = phone.next_request();
  while (longer.header("Contact").find("expires=300") != std::string::npos) longer = phone.next_request();
  EXPECT_THAT(longer.header("Contact"), HasSubstr(";expires=900"));
}

TEST_F(Registrar, calls_go_out_through_it_with_its_credentials_in_e164_only) {
  Options options = with_trunk();
  options.trunk->registers = false;
  options.allow_uri_dialing = false;
  TestGateway gateway{thread, options};
  phone.connect(gateway.port(Transport::udp));
  EXPECT_TRUE(gateway.gateway().health().registered);

  const auto error_of = [&](const std::string& to) {
    return gateway.gateway()
        .dial(gateway.shard(), {.to = to, .from_number = "", .from_name = ""})
        .error()
        .code;
  };
  EXPECT_EQ(error_of("sip:demo@127.0.0.1"), "sip_uri_not_allowed");
  EXPECT_EQ(error_of("02079460000"), "invalid_phone_number");
  EXPECT_EQ(error_of("demo"), "invalid_phone_number");

  const auto leg = gateway.dial(
      {.to = "+44 20 7946 0000", .from_number = "+447700900999", .from_name = "Harbour \"Dental\"\r\n"});
  SipMessage invite = phone.next_request();
  ASSERT_EQ(invite.method, "INVITE");
  EXPECT_THAT(invite.start, HasSubstr("INVITE sip:+442079460000@127.0.0.1:" + std::to_string(phone.port())));
  EXPECT_THAT(invite.header("From"), StartsWith("\"Harbour Dental\" <sip:+447700900999@127.0.0.1>"));
  EXPECT_EQ(invite.header("P-Asserted-Identity"), "<sip:+447700900999@127.0.0.1>");
  phone.join(invite);
  phone.send(phone.reply(invite, 407, "Proxy Authentication Required",
                         "Proxy-Authenticate: Digest realm=\"trunk\", nonce=\"abc\", qop=\"auth\"\r\n"));
  while (invite.header("Proxy-Authorization").empty() || invite.method != "INVITE")
    invite = phone.next_request();
  EXPECT_THAT(invite.header("Proxy-Authorization"), HasSubstr("username=\"anna\""));
  phone.send(phone.reply(invite, 200, "OK", "", SipPhone::sdp("0")));
  EXPECT_TRUE(leg->wait_for("answered"));
}

}  // namespace
}  // namespace voxanne::telephony::sip
