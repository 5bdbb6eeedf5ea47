#include "calls/ledger.h"

#include "support/virtual_clock.h"

#include <gtest/gtest.h>

#include <new>
#include <set>

namespace voxanne::calls {
namespace {

// Answers writes from a script of errors; keeps what got through.
class ScriptedStore final : public store::Store {
 public:
  async::Task<Result<>> read(const store::Statement&, std::vector<store::Value>, store::RowVisitor) override {
    co_return internal("unexpected", "nothing is read here");
  }
  async::Task<Result<>> write(store::Batch batch) override {
    ++attempts_;
    streams_.insert(batch.once.value().stream);
    numbers_.push_back(batch.once.value().number);
    if (!errors_.empty()) {
      const Error error = errors_.front();
      errors_.erase(errors_.begin());
      co_return error;
    }
    written_.push_back(std::get<std::int64_t>(batch.steps.at(0).values.at(0)));
    co_return Result<>{};
  }

  std::vector<Error> errors_;
  std::vector<std::int64_t> written_;
  std::set<std::string> streams_;
  std::vector<std::int64_t> numbers_;  // of every attempt
  int attempts_ = 0;
};

constexpr store::Statement statement{"test.insert", "INSERT INTO t VALUES (?1)"};

class LedgerTest : public testing::Test {
 protected:
  async::Loop loop_{1};
  test::VirtualClock clock_{loop_};
  ScriptedStore store_;
  Ledger ledger_{loop_.get_executor(), clock_, store_, {"call_1", "acme", ""}};
  std::vector<int> published_;

  void write(std::int64_t value) {
    ledger_.write(store::Batch{}.add(statement, {value}),
                  [this, value] { published_.push_back(int(value)); });
  }
  std::optional<bool> flush(milliseconds limit, milliseconds run) {
    std::optional<bool> out;
    async::TaskGroup group{loop_.get_executor(), "test"};
    group.spawn([](LedgerTest& test, milliseconds time, std::optional<bool>& result) -> async::Task<> {
      result = co_await test.ledger_.flush(async::Deadline::after(test.clock_, time));
    }(*this, limit, out));
    clock_.run_for(run);
    return out;
  }
  void TearDown() override {
    async::TaskGroup group{loop_.get_executor(), "test"};
    group.spawn(ledger_.stop());
    clock_.settle();
    EXPECT_TRUE(group.empty());
  }
};

TEST_F(LedgerTest, writes_in_order_and_publishes_only_what_is_durable) {
  store_.errors_ = {unavailable("database_unavailable", "away"), unavailable("database_unavailable", "away")};
  write(1);
  write(2);
  clock_.settle();
  EXPECT_TRUE(published_.empty());
  EXPECT_EQ(ledger_.pending(), 2u);
  EXPECT_EQ(flush(10s, 10s), true);
  EXPECT_EQ(store_.written_, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(published_, (std::vector{1, 2}));
  EXPECT_EQ(store_.attempts_, 4);
}

TEST_F(LedgerTest, a_batch_that_is_tried_again_keeps_its_number_so_that_it_takes_effect_once) {
  store_.errors_ = {unavailable("database_unavailable", "away"), timed_out("silent", "away")};
  write(1);
  write(2);
  EXPECT_EQ(flush(10s, 10s), true);
  EXPECT_EQ(store_.numbers_, (std::vector<std::int64_t>{1, 1, 1, 2}));
  EXPECT_EQ(store_.streams_.size(), 1u);
  EXPECT_EQ(store_.streams_.begin()->size(), 26u) << "a ULID";
}

TEST_F(LedgerTest, a_ticket_says_what_became_of_its_batch) {
  store_.errors_ = {Error{Fault::conflict, "guard_failed", "guard"}};
  const auto refused = ledger_.write(store::Batch{}.add(statement, {std::int64_t{1}}));
  const auto written = ledger_.write(store::Batch{}.add(statement, {std::int64_t{2}}));
  EXPECT_FALSE(refused->settled.is_set());
  clock_.settle();
  ASSERT_TRUE(refused->settled.is_set() && written->settled.is_set());
  EXPECT_EQ(refused->outcome.error().code, "guard_failed");
  EXPECT_TRUE(written->outcome);
}

TEST_F(LedgerTest, refused_batch_does_not_hold_up_the_next) {
  store_.errors_ = {Error{Fault::conflict, "conflict", "guard"}};
  write(1);
  write(2);
  EXPECT_EQ(flush(1s, 1s), true);
  EXPECT_EQ(published_, std::vector{2});
}

TEST_F(LedgerTest, nor_does_one_that_nobody_can_be_told_of) {
  const auto told = ledger_.write(store::Batch{}.add(statement, {1}), [] { throw std::bad_alloc{}; });
  write(2);
  EXPECT_EQ(flush(1s, 1s), true);
  EXPECT_TRUE(told->settled.is_set() && told->outcome);
  EXPECT_EQ(store_.written_, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(published_, std::vector{2});
}

TEST_F(LedgerTest, flush_says_when_the_database_stays_away) {
  store_.errors_.assign(1'000, unavailable("database_unavailable", "away"));
  write(1);
  EXPECT_EQ(flush(3s, 4s), false);
  EXPECT_EQ(ledger_.pending(), 1u);
}

}  // namespace
}  // namespace voxanne::calls
