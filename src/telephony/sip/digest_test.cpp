#include "telephony/sip/digest.h"
#include "telephony/sip/guess_limiter.h"
#include "telephony/sip/screen.h"

#include "telephony/sip/test_digest.h"

#include <gtest/gtest.h>

namespace voxanne::telephony::sip {
namespace {

using Verdict = DigestAuthenticator::Verdict;

class Digest : public testing::Test {
 protected:
  DigestAuthenticator digest{{{"anna", Secret{"secret"}}}, "voxanne"};
  SteadyTime now{std::chrono::hours{5}};
  const std::string source = "192.0.2.7";
  DigestClient client;

  Digest() { client.take(digest.challenge(now, false, source)); }
  Verdict verify(const std::string& uri = "sip:demo@host") {
    return digest.verify(client.respond(), "INVITE", uri, now, source);
  }
};

TEST_F(Digest, a_nonce_is_good_where_it_was_sent) {
  EXPECT_TRUE(digest.issued(client.nonce, now, source));
  EXPECT_FALSE(digest.issued(client.nonce, now, "192.0.2.8"));
  EXPECT_EQ(digest.verify(client.respond(), "INVITE", "sip:demo@host", now, "192.0.2.8"), Verdict::stale);
}

TEST_F(Digest, right_credentials_are_accepted) { EXPECT_EQ(verify(), Verdict::accepted); }

TEST_F(Digest, a_replay_is_challenged_again_and_a_higher_count_is_not_a_replay) {
  EXPECT_EQ(verify(), Verdict::accepted);
  EXPECT_EQ(verify(), Verdict::stale);
  client.count = "00000002";
  EXPECT_EQ(verify(), Verdict::accepted);
  client.count = "00000001";
  EXPECT_EQ(verify(), Verdict::stale);
}

TEST_F(Digest, an_old_nonce_is_challenged_again) {
  now += 31s;
  EXPECT_EQ(verify(), Verdict::stale);
  client.take(digest.challenge(now, true, source));
  EXPECT_EQ(verify(), Verdict::accepted);
}

TEST_F(Digest, a_nonce_of_another_process_is_challenged_again) {
  DigestAuthenticator other{{}, "voxanne"};
  client.take(other.challenge(now, false, source));
  EXPECT_EQ(verify(), Verdict::stale);
  client.nonce = "x";
  EXPECT_EQ(verify(), Verdict::stale);
}

TEST_F(Digest, wrong_credentials_are_rejected) {
  client.password = "guess";
  EXPECT_EQ(verify(), Verdict::rejected);
  client.password = "secret";
  client.user = "otto";
  EXPECT_EQ(verify(), Verdict::rejected);
  client.user = "anna";
  client.realm = "elsewhere";
  EXPECT_EQ(verify(), Verdict::rejected);
}

TEST_F(Digest, credentials_for_another_target_or_method_are_rejected) {
  EXPECT_EQ(verify("sip:other@host"), Verdict::rejected);
  EXPECT_EQ(digest.verify(client.respond("OPTIONS"), "INVITE", "sip:demo@host", now, source),
            Verdict::rejected);
}

TEST_F(Digest, fields_that_make_replays_visible_may_not_be_left_out) {
  DigestResponse response = client.respond();
  response.qop = "";
  EXPECT_EQ(digest.verify(response, "INVITE", "sip:demo@host", now, source), Verdict::rejected);
  for (const char* count : {"", "0", "00000000", "0000000g", "000000001"}) {
    client.count = count;
    EXPECT_EQ(verify(), Verdict::rejected) << count;
  }
}

TEST(screen, opens_for_the_trunk_the_list_and_in_development_loopback) {
  const auto ip = [](const char* text) { return boost::asio::ip::make_address(text); };
  Screen closed{{}, false, false};
  EXPECT_EQ(closed.judge(ip("127.0.0.1")), Screen::Verdict::refused);
  closed.add_trunk(ip("192.0.2.1"));
  EXPECT_EQ(closed.judge(ip("192.0.2.1")), Screen::Verdict::allowed);
  EXPECT_EQ(closed.judge(ip("192.0.2.2")), Screen::Verdict::refused);

  const Screen open{{parse_network("198.51.100.0/24").value()}, true, true};
  EXPECT_EQ(open.judge(ip("127.0.0.1")), Screen::Verdict::allowed);
  EXPECT_EQ(open.judge(ip("::1")), Screen::Verdict::allowed);
  EXPECT_EQ(open.judge(ip("::ffff:198.51.100.9")), Screen::Verdict::allowed);
  EXPECT_EQ(open.judge(ip("203.0.113.1")), Screen::Verdict::needs_credentials);
}

TEST(guess_limiter, refuses_a_source_that_guesses_on_until_it_waits) {
  const auto guesser = boost::asio::ip::make_address("203.0.113.1"),
             other = boost::asio::ip::make_address("203.0.113.2");
  GuessLimiter guesses;
  SteadyTime now{std::chrono::hours{1}};
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(guesses.exhausted(guesser, now));
    guesses.count(guesser, now);
  }
  EXPECT_TRUE(guesses.exhausted(guesser, now));
  EXPECT_FALSE(guesses.exhausted(other, now));
  EXPECT_FALSE(guesses.exhausted(guesser, now + 11s));
}

}  // namespace
}  // namespace voxanne::telephony::sip
