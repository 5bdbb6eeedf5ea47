// The database goes away in the middle of calls: what they had to have written is there afterwards, in
// order and once.
#include "store/journal/journal.h"

#include "base/ids.h"
#include "store/calls.h"
#include "store/once.h"
#include "store/statements.h"
#include "support/eventually.h"
#include "support/store/gate_store.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <thread>

namespace voxanne::store {
namespace {

using namespace test;
using testing::ElementsAre;
using Mode = GateStore::Mode;

// A call that has its log written, numbered from 1.
struct Line {
  explicit Line(TempStore& store) {
    EXPECT_TRUE(store.write([&](Batch& batch) { insert_call(batch, call, this_boot); }));
  }
  Batch next() {
    Batch batch;
    batch.once = Batch::Once{stream, ++number};
    log_event(batch, {call.org, call.id}, noon, std::to_string(number));
    return batch;
  }
  std::vector<int> written(TempStore& store) const {
    std::vector<int> numbers;
    EXPECT_TRUE(store.run(visit_log(*store, {call.org, call.id}, [&](const Row& row) {
      numbers.push_back(std::stoi(row.str(log_column::type)));
    })));
    return numbers;
  }

  domain::Call call = a_call();
  std::string stream = make_ulid();
  std::int64_t number = 0;
};

class JournalTest : public testing::Test {
 protected:
  JournalTest() { open(); }
  ~JournalTest() override {
    close();
    loop.stop();
  }

  void open(PromptStore* prompt = nullptr) {
    journal = Journal::open(gate, clock, loop.executor(),
                            {.directory = directory / "journal",
                             .statements = all_statements(),
                             .patience = milliseconds{200},
                             .prompt = prompt,
                             .on_disk_full = [this] { ++made_room; },
                             .on_drained = [this] { ++drained; }})
                  .value();
  }
  void start() {
    async::asio::post(loop.executor(), [this] { journal->start(); });
  }
  void close() {
    if (!journal) return;
    gate.mode = Mode::open;
    async::run_on(loop.executor(), journal->stop());
    journal.reset();
  }
  Result<> drain() { return async::run_on(loop.executor(), journal->drain()); }
  Result<> write(Batch batch) { return async::run_on(loop.executor(), journal->write(std::move(batch))); }
  bool wait_until_drained() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (journal->pending() > 0 && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    return journal->pending() == 0;
  }

  TempDir directory;
  async::SystemClock clock;
  async::LoopThread loop{"test"};
  TempStore store;
  GateStore gate{*store};
  std::atomic<int> made_room{0}, drained{0};
  std::unique_ptr<Journal> journal;
};

TEST_F(JournalTest, while_the_database_is_there_the_journal_is_empty) {
  Line line{store};
  start();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(write(line.next()));
  EXPECT_EQ(journal->pending(), 0u);
  EXPECT_THAT(line.written(store), ElementsAre(1, 2, 3));
  EXPECT_FALSE(holds_segments(directory / "journal"));
}

TEST_F(JournalTest, what_the_database_cannot_take_is_kept_and_applied_in_order) {
  Line line{store};
  ASSERT_TRUE(write(line.next()));
  gate.mode = Mode::shut;
  ASSERT_TRUE(write(line.next()));
  EXPECT_EQ(journal->pending(), 1u);
  // The database is back, but its second is not there yet: the third has to wait behind it.
  gate.mode = Mode::open;
  ASSERT_TRUE(write(line.next()));
  EXPECT_THAT(line.written(store), ElementsAre(1));
  EXPECT_EQ(journal->pending(), 2u);
  start();
  ASSERT_TRUE(wait_until_drained());
  ASSERT_TRUE(write(line.next()));
  EXPECT_THAT(line.written(store), ElementsAre(1, 2, 3, 4));
  EXPECT_FALSE(holds_segments(directory / "journal"));
  async::run_on(loop.executor(), []() -> async::Task<int> { co_return 0; }());
  EXPECT_GE(drained, 1);
}

TEST_F(JournalTest, a_batch_whose_outcome_was_unknown_takes_effect_once) {
  Line line{store};
  gate.mode = Mode::deaf;
  ASSERT_TRUE(write(line.next()));
  EXPECT_THAT(line.written(store), ElementsAre(1)) << "it had got through";
  EXPECT_EQ(journal->pending(), 1u);
  EXPECT_FALSE(drain()) << "deaf still";
  gate.mode = Mode::open;
  ASSERT_TRUE(drain());
  EXPECT_THAT(line.written(store), ElementsAre(1));
  EXPECT_EQ(journal->pending(), 0u);
}

TEST_F(JournalTest, a_database_that_hangs_is_not_waited_for_and_may_answer_late) {
  Line line{store}, other{store};
  gate.mode = Mode::hung;
  ASSERT_TRUE(write(line.next()));
  EXPECT_EQ(gate.writes, 1);
  // Known to be away: nobody else finds out for himself.
  Batch without_number = line.next();
  without_number.once.reset();
  EXPECT_EQ(write(std::move(without_number)).error().code, "database_silent");
  line.number = 1;
  ASSERT_TRUE(write(other.next()));
  ASSERT_TRUE(write(line.next()));
  EXPECT_EQ(gate.writes, 1);
  gate.mode = Mode::open;
  ASSERT_TRUE(drain());
  EXPECT_THAT(line.written(store), ElementsAre(1, 2));
  EXPECT_THAT(other.written(store), ElementsAre(1));
  const int before = gate.writes;
  ASSERT_TRUE(write(other.next()));
  EXPECT_EQ(gate.writes, before + 1) << "the database is asked again";
  EXPECT_EQ(journal->pending(), 0u);
}

TEST_F(JournalTest, what_a_dead_process_left_is_applied_by_the_next_one) {
  Line line{store};
  gate.mode = Mode::shut;
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(write(line.next()));
  journal.reset();  // without stop(): nothing is tidied up
  gate.mode = Mode::open;
  open();
  EXPECT_EQ(journal->pending(), 300u);
  ASSERT_TRUE(drain());
  const auto written = line.written(store);
  ASSERT_EQ(written.size(), 300u);
  EXPECT_TRUE(std::ranges::is_sorted(written));
}

TEST_F(JournalTest, what_the_database_refuses_is_answered_or_set_aside_and_holds_up_nothing) {
  Line line{store};
  Batch impossible = line.next();
  impossible.steps[0].expect_rows = 5;
  const auto refused = write(std::move(impossible));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Fault::conflict);

  gate.mode = Mode::shut;
  impossible = line.next();
  impossible.steps[0].expect_rows = 5;
  ASSERT_TRUE(write(std::move(impossible))) << "only the database can refuse it";
  ASSERT_TRUE(write(line.next()));
  gate.mode = Mode::open;
  ASSERT_TRUE(drain());
  EXPECT_THAT(line.written(store), ElementsAre(3));
  std::ifstream file{directory / "journal/refused.bad", std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  const auto kept = decode_batch(next_frame(bytes).payload, catalogue_of(all_statements()));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->once->number, 2);
}

TEST_F(JournalTest, without_a_journal_the_database_is_what_is_left) {
  Line line{store}, other{store};
  std::filesystem::remove_all(directory / "journal");
  gate.mode = Mode::shut;
  const auto lost = write(line.next());
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, Fault::unavailable);
  --line.number;
  gate.mode = Mode::open;
  EXPECT_TRUE(write(line.next()));
  EXPECT_THAT(line.written(store), ElementsAre(1));
}

TEST_F(JournalTest, a_batch_without_a_number_is_not_waited_for_for_ever) {
  PromptStore prompt{gate, clock, milliseconds{400}};
  journal.reset();
  open(&prompt);
  Line line{store};
  Batch plain = line.next();
  plain.once.reset();
  gate.mode = Mode::hung;
  EXPECT_TRUE(is_outcome_unknown(write(plain).error()));
  EXPECT_EQ(write(plain).error().code, "database_silent");
  EXPECT_EQ(journal->pending(), 0u);
  gate.mode = Mode::open;
  EXPECT_TRUE(eventually([&] { return !prompt.is_silent(); }));
  EXPECT_THAT(line.written(store), ElementsAre(1));
  close();
}

TEST_F(JournalTest, a_batch_without_a_number_is_the_databases_alone) {
  Line line{store};
  gate.mode = Mode::shut;
  Batch plain = line.next();
  plain.once.reset();
  EXPECT_EQ(write(std::move(plain)).error().code, "database_locked");
  EXPECT_EQ(journal->pending(), 0u);
}

// Many calls on several loops, while the database comes and goes in every way.
TEST_F(JournalTest, however_the_database_comes_and_goes_each_call_has_its_lines_in_order_and_once) {
  start();
  constexpr int lines_each = 60, calls_each = 5;
  std::vector<Line> lines;
  for (int i = 0; i < 3 * calls_each; ++i) lines.emplace_back(store);
  async::LoopThread loops[3]{async::LoopThread{"a"}, async::LoopThread{"b"}, async::LoopThread{"c"}};
  const auto talk = [](Journal& to, Line& line) -> async::Task<int> {
    int failed = 0;
    for (int i = 0; i < lines_each; ++i) failed += !co_await to.write(line.next());
    co_return failed;
  };
  std::vector<std::future<int>> talks;
  for (std::size_t i = 0; i < lines.size(); ++i)
    talks.push_back(
        async::asio::co_spawn(loops[i % 3].executor(), talk(*journal, lines[i]), async::asio::use_future));
  std::atomic<bool> talking{true};
  std::thread weather{[&] {
    for (int i = 0; talking; ++i) {
      gate.mode = std::array{Mode::shut, Mode::open, Mode::deaf, Mode::open}[std::size_t(i % 4)];
      std::this_thread::sleep_for(std::chrono::milliseconds{7});
    }
  }};
  for (auto& each : talks) EXPECT_EQ(each.get(), 0);
  talking = false;
  weather.join();
  gate.mode = Mode::open;
  ASSERT_TRUE(wait_until_drained());
  for (const Line& line : lines) {
    const auto written = line.written(store);
    ASSERT_EQ(written.size(), std::size_t(lines_each));
    for (int i = 0; i < lines_each; ++i) ASSERT_EQ(written[std::size_t(i)], i + 1);
  }
  EXPECT_GE(drained, 1) << "the journal was used";
}

TEST_F(JournalTest, streams_are_forgotten_when_nobody_can_give_their_batches_again) {
  Line line{store};
  ASSERT_TRUE(write(line.next()));
  constexpr static Statement count{"test.count", "SELECT count(*) FROM applied_batches"};
  const auto streams = [&] {
    std::int64_t number = -1;
    EXPECT_TRUE(store.run(store.sqlite().read(count, {}, [&](const Row& row) { number = row.integer(0); })));
    return number;
  };
  EXPECT_EQ(streams(), 1);
  EXPECT_TRUE(store.run(forget_streams(*store, clock.utc() - std::chrono::hours{1})));
  EXPECT_EQ(streams(), 1) << "it began later";
  EXPECT_TRUE(store.run(forget_streams(*store, clock.utc() + std::chrono::hours{1})));
  EXPECT_EQ(streams(), 0);
}

TEST(DatabaseIdentity, outlives_restarts_and_is_another_in_another_database) {
  TempStore one, two;
  const auto first = one.run(database_identity(*one)).value();
  EXPECT_EQ(first.size(), 32u);
  EXPECT_NE(first, two.run(database_identity(*two)).value());
  one.restart();
  EXPECT_EQ(first, one.run(database_identity(*one)).value());
}

}  // namespace
}  // namespace voxanne::store
