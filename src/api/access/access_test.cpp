#include "api/access/credentials.h"
#include "api/access/passwords.h"
#include "api/access/throttle.h"
#include "async/thread.h"
#include "support/virtual_clock.h"

#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

const Credentials credentials{Secret{"the root of all that we hand out"}};

TEST(CredentialsTest, keys_and_invitations_have_a_form_and_a_keyed_hash) {
  const Secret key = Credentials::make_api_key(), invitation = Credentials::make_invitation();
  EXPECT_TRUE(Credentials::is_api_key(key.reveal()));
  EXPECT_FALSE(Credentials::is_invitation(key.reveal()));
  EXPECT_TRUE(Credentials::is_invitation(invitation.reveal()));
  EXPECT_NE(key.reveal(), Credentials::make_api_key().reveal());
  for (const std::string& bad :
       {std::string{"vx_"}, std::string{key.reveal()} + "A", "VX" + std::string{key.reveal().substr(2)},
        std::string{key.reveal().substr(0, 45)}, "vx_" + std::string(43, '.')})
    EXPECT_FALSE(Credentials::is_api_key(bad)) << bad;
  const Credentials others{Secret{"another root"}};
  EXPECT_EQ(credentials.api_key_hash(key.reveal()), credentials.api_key_hash(key.reveal()));
  EXPECT_NE(credentials.api_key_hash(key.reveal()), others.api_key_hash(key.reveal()));
  EXPECT_NE(credentials.api_key_hash(key.reveal()), credentials.invitation_hash(key.reveal()));
}

TEST(CredentialsTest, refresh_tokens_open_only_as_they_were_made) {
  const std::string token{credentials.refresh_token({SessionId{"sess_1"}, 7}).reveal()};
  const auto opened = credentials.open_refresh(token);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->session.str(), "sess_1");
  EXPECT_EQ(opened->generation, 7);
  for (const std::string& bad : {std::string{}, std::string{"."}, std::string{".."}, "x" + token, token + "A",
                                 "sess_1.8" + token.substr(8), "sess_1.07" + token.substr(8),
                                 "sess_1.+7" + token.substr(8), "sess_2.7" + token.substr(8)})
    EXPECT_FALSE(credentials.open_refresh(bad)) << bad;
  EXPECT_FALSE(Credentials{Secret{"another root"}}.open_refresh(token));
}

TEST(CredentialsTest, addresses_are_compared_in_lower_case) {
  EXPECT_EQ(normal_email(" Ann@Example.COM\n"), "ann@example.com");
  for (const char* bad : {"", " ", "ann", "@example.com", "ann@", "a@b@c", "a b@c", "a\x01@c",
                          "<ann@example.com>", "ann@example.com,bob@example.com", "\xff@example.com"})
    EXPECT_FALSE(normal_email(bad)) << bad;
  EXPECT_FALSE(normal_email(std::string(250, 'a') + "@b.cd"));
}

TEST(PasswordsTest, only_the_right_one_opens_and_nobody_has_the_decoy) {
  async::LoopThread loop{"test"};
  Passwords passwords;
  const auto hash = async::run_on(loop.executor(), passwords.hash(Secret{"correct horse"})).value();
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$"));
  const auto right = [&](std::optional<std::string> h, const char* text) {
    return async::run_on(loop.executor(), passwords.verify(std::move(h), Secret{text})).value();
  };
  EXPECT_TRUE(right(hash, "correct horse"));
  EXPECT_FALSE(right(hash, "correct horse "));
  EXPECT_FALSE(right(hash, ""));
  EXPECT_FALSE(right(std::nullopt, "correct horse"));
  EXPECT_FALSE(right("not a hash", "correct horse"));
  EXPECT_NE(hash, async::run_on(loop.executor(), passwords.hash(Secret{"correct horse"})).value())
      << "salted";
}

TEST(PasswordsTest, the_unknown_cost_what_the_known_cost) {
  async::LoopThread loop{"test"};
  Passwords passwords;
  const auto hash = async::run_on(loop.executor(), passwords.hash(Secret{"correct horse"})).value();
  const auto cheapest = [&](std::optional<std::string> h) {
    auto best = std::chrono::nanoseconds::max();
    for (int i = 0; i < 5; ++i) {
      timespec from{}, to{};
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
      static_cast<void>(async::run_on(loop.executor(), passwords.verify(h, Secret{"wrong"})));
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
      best = std::min(best, std::chrono::nanoseconds{(to.tv_sec - from.tv_sec) * 1'000'000'000 + to.tv_nsec -
                                                     from.tv_nsec});
    }
    return static_cast<double>(best.count());
  };
  const double known = cheapest(hash), unknown = cheapest(std::nullopt);
  EXPECT_LT(std::abs(known - unknown), 0.5 * known) << "of CPU time, on a machine that may be busy";
}

TEST(PasswordsTest, weak_ones_are_refused) {
  for (const std::string& weak :
       {std::string{"short"}, std::string(10, 'a'), std::string{"1234567890"}, std::string(257, 'x')})
    EXPECT_EQ(Passwords::check(weak).error().code, "weak_password") << weak;
  EXPECT_TRUE(Passwords::check("a long enough one"));
  EXPECT_TRUE(Passwords::check(Passwords::generate().reveal()));
}

TEST(PasswordsTest, no_more_wait_than_may) {
  async::LoopThread loop{"test"};
  Passwords passwords{0};
  const auto refused = async::run_on(loop.executor(), passwords.verify(std::nullopt, Secret{"x"}));
  EXPECT_EQ(refused.error().code, "login_busy");
  EXPECT_TRUE(refused.error().retry_after);
}

class ThrottleTest : public testing::Test {
 protected:
  int let_through(int attempts, const std::string& account, const std::string& address) {
    int count = 0;
    for (int i = 0; i < attempts; ++i) count += throttle_.attempt(account, address).has_value();
    return count;
  }
  async::Loop loop_{1};
  test::VirtualClock clock_{loop_};
  LoginThrottle throttle_{clock_};
};

TEST_F(ThrottleTest, five_tries_then_ever_longer_waits) {
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 5);
  const auto first = throttle_.attempt("ann", "192.0.2.1").error().retry_after.value();
  clock_.run_for(first);
  EXPECT_TRUE(throttle_.attempt("ann", "192.0.2.1"));
  EXPECT_GT(throttle_.attempt("ann", "192.0.2.1").error().retry_after.value(), first);
  EXPECT_TRUE(throttle_.attempt("bob", "192.0.2.1")) << "another account";
  EXPECT_TRUE(throttle_.attempt("ann", "192.0.2.2")) << "its owner, from elsewhere";
  clock_.run_for(16min);
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 5) << "forgotten";
}

TEST_F(ThrottleTest, neither_many_accounts_nor_many_addresses_help) {
  int accounts = 0, addresses = 0;
  for (int i = 0; i < 200; ++i) accounts += let_through(1, "user" + std::to_string(i), "192.0.2.1");
  EXPECT_EQ(accounts, 30);
  for (int i = 0; i < 200; ++i) addresses += let_through(1, "ann", "198.51.100." + std::to_string(i));
  EXPECT_EQ(addresses, 50);
}

TEST_F(ThrottleTest, whoever_succeeds_starts_afresh) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(throttle_.attempt("ann", "192.0.2.1")) << i;
    throttle_.succeeded("ann", "192.0.2.1");
  }
}

TEST_F(ThrottleTest, what_is_counted_is_bounded) {
  let_through(10, "ann", "192.0.2.1");
  for (int i = 0; i < 70'000; ++i)
    static_cast<void>(throttle_.attempt("u" + std::to_string(i), "a" + std::to_string(i)));
  EXPECT_FALSE(throttle_.attempt("ann", "192.0.2.1")) << "who is made to wait is not forgotten for others";
}

}  // namespace
}  // namespace voxanne::api
