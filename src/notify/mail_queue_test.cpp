// The queue of mails over a real store: what fails is counted, told and, in time, forgotten. What a mail
// server makes of one is in tests/flows/outward.
#include "notify/mail_queue.h"

#include "support/logged_lines.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::notify {
namespace {
using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

// Stands until the test moves it.
class HandClock final : public async::Clock {
 public:
  milliseconds passed{0};
  SteadyTime now() const override { return SteadyTime{} + passed; }
  UtcTime utc() const override { return noon + passed; }
  async::Task<> sleep_until(SteadyTime) override { co_return; }
};

class Mails : public testing::Test {
 protected:
  // Queued, claimed and tried once.
  jobs::Outcome try_one(const std::string& recipient) {
    EXPECT_TRUE(store.write(
        [&](store::Batch& batch) { queue.add(batch, harbour, recipient, {.subject = "x", .body = "y"}); }));
    auto claimed = store.run(queue.claim(10, clock.utc() + 1h)).value();
    EXPECT_EQ(claimed.size(), 1u);
    const auto outcome = store.run(queue.handle(claimed.front()));
    EXPECT_TRUE(store.run(queue.complete(claimed.front(), outcome, clock.utc() + 1h)));
    return outcome;
  }
  std::int64_t failed() { return store.run(store::count_mails(*store)).value().failed; }

  LoggedLines lines;
  TempStore store;
  HandClock clock;
  Seal seal{Secret{"a root secret of the test"}, "mails"};
  net::SmtpClient nobody{store.executor(), {.url = net::parse_smtp_url("smtp://127.0.0.1:1").value()}};
  MailQueue queue{*store, clock, seal, nobody, {.from = {"Voxanne", "desk@example.com"}}};
};

TEST_F(Mails, one_that_failed_is_counted_for_a_month_though_no_other_fails_then) {
  EXPECT_EQ(try_one("no address").kind, jobs::Outcome::Kind::failed);
  EXPECT_EQ(failed(), 1);
  EXPECT_EQ(queue.given_up().value(), 1u);
  clock.passed += 29 * 24h;
  EXPECT_TRUE(store.run(queue.claim(10, clock.utc())).value().empty());
  EXPECT_EQ(failed(), 1);
  clock.passed += 25h;
  EXPECT_TRUE(store.run(queue.claim(10, clock.utc())).value().empty());
  EXPECT_EQ(failed(), 0);
  EXPECT_EQ(queue.given_up().value(), 1u);
}

TEST_F(Mails, one_that_is_tried_again_says_why_and_is_not_given_up_before_its_time) {
  EXPECT_EQ(try_one("ann@example.com").kind, jobs::Outcome::Kind::retry);
  EXPECT_THAT(lines.of("mail.not_taken"), ElementsAre(HasSubstr("code=connect_failed")));
  EXPECT_THAT(lines.of("mail.not_taken"), ElementsAre(testing::Not(HasSubstr("ann@"))));
  EXPECT_TRUE(lines.of("mail.failed").empty());
  EXPECT_EQ(queue.given_up().value(), 0u);
  clock.passed += 73h;
  auto again = store.run(queue.claim(10, clock.utc() + 1h)).value();
  ASSERT_EQ(again.size(), 1u);
  const auto outcome = store.run(queue.handle(again.front()));
  EXPECT_EQ(outcome.kind, jobs::Outcome::Kind::failed);
  EXPECT_TRUE(store.run(queue.complete(again.front(), outcome, clock.utc())));
  EXPECT_THAT(lines.of("mail.failed"), ElementsAre(HasSubstr("code=connect_failed")));
  EXPECT_EQ(queue.given_up().value(), 1u);
}

}  // namespace
}  // namespace voxanne::notify
