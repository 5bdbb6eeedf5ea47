#include "api/access/accounts.h"
#include "api/access/credentials.h"
#include "api/access/passwords.h"
#include "api/access/throttle.h"
#include "async/thread.h"
#include "notify/mail_text.h"
#include "support/store/temp_store.h"
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

TEST(CredentialsTest, whom_mails_go_to_has_an_address_that_the_mail_queue_takes) {
  EXPECT_EQ(mailable_email(" Ann@Example.COM\n"), "ann@example.com");
  EXPECT_EQ(mailable_email("ann.o'neil+desk@example.com"), "ann.o'neil+desk@example.com");
  for (const std::string& bad :
       {"ann(desk)@example.com", "ann@[192.0.2.1]", "a:b@example.com", "a\\b@example.com",
        "jos\u00e9@example.com", "ann@b\u00fccher.example", "ann", ""}) {
    EXPECT_FALSE(mailable_email(bad)) << bad;
    EXPECT_FALSE(notify::is_plain_address(bad)) << bad;
  }
  EXPECT_TRUE(normal_email("jos\u00e9@example.com")) << "who has such an account can sign in";
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
  bool fails(const std::string& account, const std::string& address) {
    auto attempt = throttle_.attempt(account, address);
    if (attempt) attempt->failed();
    return attempt.has_value();
  }
  bool succeeds(const std::string& account, const std::string& address) {
    auto attempt = throttle_.attempt(account, address);
    if (attempt) attempt->succeeded();
    return attempt.has_value();
  }
  int let_through(int attempts, const std::string& account, const std::string& address) {
    int count = 0;
    for (int i = 0; i < attempts; ++i) count += fails(account, address);
    return count;
  }
  // Each at an account of its own.
  int let_through_from(int attempts, const std::string& address) {
    int count = 0;
    for (int i = 0; i < attempts; ++i) count += fails("user" + std::to_string(i), address);
    return count;
  }
  // From everywhere.
  int let_through_into(const std::string& account) {
    int count = 0;
    for (int i = 0; i < 200; ++i) count += fails(account, "198.51.100." + std::to_string(i));
    return count;
  }
  seconds wait(const std::string& account, const std::string& address) {
    return throttle_.attempt(account, address).error().retry_after.value();
  }
  async::Loop loop_{1};
  test::VirtualClock clock_{loop_};
  LoginThrottle throttle_{clock_};
};

TEST_F(ThrottleTest, five_tries_then_ever_longer_waits) {
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 5);
  const auto first = wait("ann", "192.0.2.1");
  clock_.run_for(first);
  EXPECT_TRUE(fails("ann", "192.0.2.1"));
  EXPECT_GT(wait("ann", "192.0.2.1"), first);
  EXPECT_TRUE(throttle_.attempt("bob", "192.0.2.1")) << "another account";
  EXPECT_TRUE(throttle_.attempt("ann", "192.0.2.2")) << "its owner, from elsewhere";
  clock_.run_for(16min);
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 5) << "forgotten";
}

TEST_F(ThrottleTest, many_at_once_gain_nothing) {
  std::vector<LoginThrottle::Attempt> under_way;
  const auto begin = [&] {
    for (int i = 0; i < 20; ++i)
      if (auto attempt = throttle_.attempt("ann", "192.0.2.1")) under_way.push_back(std::move(*attempt));
    return under_way.size();
  };
  EXPECT_EQ(begin(), 5u);
  for (auto& attempt : under_way) attempt.failed();
  under_way.clear();
  clock_.run_for(wait("ann", "192.0.2.1"));
  EXPECT_EQ(begin(), 1u) << "beyond the free ones";
}

TEST_F(ThrottleTest, neither_many_accounts_nor_many_addresses_help) {
  EXPECT_EQ(let_through_from(200, "192.0.2.1"), 30);
  EXPECT_EQ(let_through_into("ann"), 50);
}

TEST_F(ThrottleTest, whoever_succeeds_starts_afresh) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(fails("ann", "192.0.2.1")) << i;
    EXPECT_TRUE(succeeds("ann", "192.0.2.1")) << i;
    if (i % 20 == 0) clock_.run_for(16min);  // or the address has failed too often
  }
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 5);
}

TEST_F(ThrottleTest, what_was_not_judged_is_no_failure) {
  EXPECT_EQ(let_through(4, "ann", "192.0.2.1"), 4);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(throttle_.attempt("ann", "192.0.2.1")) << i;
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 1);
}

TEST_F(ThrottleTest, successes_neither_block_their_address_nor_keep_its_failures) {
  EXPECT_EQ(let_through_from(200, "192.0.2.1"), 30);
  EXPECT_FALSE(succeeds("ann", "192.0.2.1")) << "a success lets nobody else off";
  clock_.run_for(wait("ann", "192.0.2.1"));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(succeeds("ann", "192.0.2.1")) << i;
  EXPECT_TRUE(fails("user", "192.0.2.1"));
  EXPECT_FALSE(succeeds("ann", "192.0.2.1")) << "the failures of others stay";
  for (int i = 0; i < 16; ++i) {
    clock_.run_for(1min);
    ASSERT_TRUE(succeeds("ann", "192.0.2.1")) << i;
  }
  EXPECT_EQ(let_through_from(200, "192.0.2.1"), 30) << "forgotten, though the address was busy";
}

TEST_F(ThrottleTest, what_is_counted_is_bounded) {
  let_through(10, "ann", "192.0.2.1");
  EXPECT_EQ(let_through(4, "bob", "192.0.2.2"), 4);
  for (int i = 0; i < 70'000; ++i) fails("u" + std::to_string(i), "a" + std::to_string(i));
  EXPECT_FALSE(throttle_.attempt("ann", "192.0.2.1")) << "who is made to wait is not forgotten for others";
  EXPECT_EQ(let_through(10, "bob", "192.0.2.2"), 5) << "who is not made room for them";
}

TEST_F(ThrottleTest, nobody_is_kept_out_where_they_are_known_by_what_is_failed_from_everywhere) {
  ASSERT_TRUE(succeeds("ann", "192.0.2.1"));
  EXPECT_EQ(let_through_into("ann"), 50);
  EXPECT_EQ(let_through_into("nobody"), 50);
  EXPECT_EQ(wait("ann", "203.0.113.1"), wait("nobody", "203.0.113.1")) << "alike to a stranger";
  EXPECT_FALSE(succeeds("ann", "203.0.113.1"));
  EXPECT_FALSE(fails("nobody", "192.0.2.1")) << "an account is known there, not the address";
  EXPECT_TRUE(succeeds("ann", "192.0.2.1"));
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 5) << "a count of its own holds there";
}

TEST_F(ThrottleTest, what_is_failed_where_one_is_known_holds_nobody_elsewhere) {
  ASSERT_TRUE(succeeds("ann", "192.0.2.1"));
  EXPECT_EQ(let_through(20, "ann", "192.0.2.1"), 5);
  EXPECT_EQ(let_through_into("ann"), 50) << "as where there is no account";
}

TEST_F(ThrottleTest, one_is_known_for_a_month_and_at_few_places) {
  for (int i = 0; i <= 8; ++i) ASSERT_TRUE(succeeds("ann", "192.0.2." + std::to_string(i)));
  EXPECT_EQ(let_through_into("ann"), 50);
  EXPECT_FALSE(succeeds("ann", "192.0.2.0")) << "the ninth";
  for (int i = 1; i <= 8; ++i) EXPECT_TRUE(succeeds("ann", "192.0.2." + std::to_string(i))) << i;
  clock_.run_for(std::chrono::hours{31 * 24});
  EXPECT_EQ(let_through_into("ann"), 50);
  EXPECT_FALSE(succeeds("ann", "192.0.2.8"));
}

TEST_F(ThrottleTest, who_is_known_is_bounded) {
  ASSERT_TRUE(succeeds("ann", "192.0.2.1"));
  ASSERT_TRUE(succeeds("bob", "192.0.2.2"));
  clock_.run_for(1s);
  ASSERT_TRUE(succeeds("ann", "192.0.2.1"));
  for (int i = 0; i < 4'095; ++i) succeeds("u" + std::to_string(i), "a" + std::to_string(i));
  for (const char* account : {"ann", "bob"}) EXPECT_EQ(let_through_into(account), 50) << account;
  EXPECT_TRUE(succeeds("ann", "192.0.2.1"));
  EXPECT_FALSE(succeeds("bob", "192.0.2.2")) << "longest not seen";
}

TEST(AccountsTest, what_is_too_busy_to_judge_a_password_counts_no_failure) {
  test::TempStore store;
  async::SystemClock clock;
  Passwords passwords{0};
  store::PromptStore prompt{*store, clock};
  Accounts accounts{
      prompt, clock, passwords, credentials, TokenKey::make(Secret{std::string(32, 'k')}).value(), {}};
  for (int i = 0; i < 40; ++i) {
    Accounts::Ask ask{.email = "ann@example.com", .password = Secret{"x"}, .org = {}, .address = "192.0.2.1"};
    EXPECT_EQ(store.run(accounts.login(std::move(ask))).error().code, "login_busy") << i;
  }
}

}  // namespace
}  // namespace voxanne::api
