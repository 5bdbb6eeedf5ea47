#include "store/sqlite/sqlite_store.h"

#include "async/clock.h"
#include "async/deadline.h"
#include "store/calls.h"
#include "support/store/fault_vfs.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/use_future.hpp>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace voxanne::store {
namespace {

using namespace test;

constexpr Statement insert_row{
    "test.insert", "INSERT INTO nodes (id, boot_id, started_at, seen_at) VALUES (?1, ?2, ?3, ?3)"};
constexpr Statement update_row{"test.update", "UPDATE nodes SET seen_at = ?2 WHERE id = ?1"};
constexpr Statement count_rows{"test.count", "SELECT count(*) FROM nodes WHERE boot_id = ?1"};
constexpr Statement values{"test.values", "SELECT NULL, -7, 2.5, 'text', ?1, '' , 3, 4.0"};
constexpr Statement broken{"test.broken", "INSERT INTO no_such_table VALUES (1)"};
constexpr Statement many{"test.many",
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) "
                         "SELECT i, hex(zeroblob(500)) FROM n"};

// Another process's lock on the database, as a shell in a transaction holds it.
class ForeignLock {
 public:
  explicit ForeignLock(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~ForeignLock() { sqlite3_close(db_); }

 private:
  sqlite3* db_ = nullptr;
};

class Engine : public testing::Test {
 protected:
  Engine() { open({.path = path()}); }
  ~Engine() override {
    store->stop();  // before the loops that have asked
    loop.stop();
    elsewhere.stop();
  }
  void open(SqliteOptions options) {
    store.reset();
    options.inline_readers = {loop.executor()};
    store = SqliteStore::open(std::move(options)).value();
  }
  std::future<Result<>> start(Batch batch) {
    return async::asio::co_spawn(loop.executor(), store->write(std::move(batch)), async::asio::use_future);
  }
  Result<> write(Batch batch) { return start(std::move(batch)).get(); }
  std::int64_t count(const std::string& boot) { return count(boot, loop); }
  std::int64_t count(const std::string& boot, async::LoopThread& reader) {
    std::int64_t rows = -1;
    const auto read = async::run_on(
        reader.executor(), store->read(count_rows, {boot}, [&](const Row& row) { rows = row.integer(0); }));
    EXPECT_TRUE(read) << read.error().message;
    return rows;
  }
  static Batch rows(const std::string& boot, const std::string& first, const std::string& second) {
    return std::move(Batch{}
                         .add(insert_row, {first, boot, std::int64_t{1}}, 1)
                         .add(insert_row, {second, boot, std::int64_t{1}}, 1));
  }
  std::string path() const { return directory / "test.db"; }

  TempDir directory;
  async::LoopThread loop{"test-loop"};
  async::LoopThread elsewhere{"elsewhere"};  // reads on a worker
  std::unique_ptr<SqliteStore> store;
};

TEST_F(Engine, a_batch_is_applied_whole_or_not_at_all) {
  EXPECT_TRUE(write(rows("b", "1", "2")));
  const auto conflict = write(rows("b", "3", "1"));
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().kind, Fault::conflict);
  EXPECT_EQ(conflict.error().code, "already_exists");
  EXPECT_THAT(conflict.error().message, testing::HasSubstr("test.insert"));
  EXPECT_EQ(count("b"), 2);
  const auto guarded = write(std::move(
      Batch{}.add(insert_row, {"4", "b", std::int64_t{1}}).add(update_row, {"nobody", std::int64_t{2}}, 1)));
  EXPECT_EQ(guarded.error().code, "guard_failed");
  EXPECT_EQ(count("b"), 2);
  EXPECT_TRUE(write(std::move(Batch{}.add(update_row, {"nobody", std::int64_t{2}}, 0))));
}

TEST_F(Engine, our_own_mistakes_are_internal_and_spoil_only_their_batch) {
  EXPECT_EQ(write(std::move(Batch{}.add(broken, {}))).error().kind, Fault::internal);
  EXPECT_EQ(write(std::move(Batch{}.add(update_row, {"1"}))).error().code, "wrong_parameters");
  EXPECT_TRUE(write(rows("b", "1", "2")));
  const auto read = async::run_on(loop.executor(), store->read(broken, {}, {}));
  EXPECT_EQ(read.error().kind, Fault::internal);
}

TEST_F(Engine, a_quick_read_does_not_wait_behind_heavy_ones_and_nobody_beyond_their_deadline) {
  static constexpr Statement search{"test.search", "SELECT count(*) FROM nodes", Cost::heavy};
  std::promise<void> released;
  open({.path = path(),
        .on_run = [until = released.get_future().share()](const Statement& ran, const Effort&) {
          if (&ran == &search) until.wait();
        }});
  async::SystemClock clock;
  const auto ask = [&](const Statement& statement, std::vector<Value> given) {
    return async::asio::co_spawn(elsewhere.executor(),
                                 async::with_deadline(clock, async::Deadline::after(clock, 200ms),
                                                      store->read(statement, std::move(given), {})),
                                 async::asio::use_future);
  };
  auto first = ask(search, {}), second = ask(search, {}), third = ask(search, {});
  EXPECT_TRUE(ask(count_rows, {"b"}).get());
  for (auto* waiting : {&first, &second, &third}) {
    const auto answer = waiting->get();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, Fault::timed_out);
  }
  released.set_value();
}

TEST_F(Engine, what_a_caller_asks_for_does_not_wait_behind_any_search_of_a_dashboard_or_a_job) {
  static constexpr Statement search{"test.search", "SELECT count(*) FROM calls", Cost::heavy};
  static constexpr Statement knowledge{"test.knowledge", "SELECT count(*) FROM nodes", Cost::heavy};
  std::promise<void> released;
  async::LoopThread call{"call"};
  open({.path = path(),
        .calls = {call.executor()},
        .on_run = [until = released.get_future().share()](const Statement& ran, const Effort&) {
          if (&ran == &search) until.wait();
        }});
  async::SystemClock clock;
  const auto ask = [&](async::LoopThread& from, const Statement& statement) {
    return async::asio::co_spawn(
        from.executor(),
        async::with_deadline(clock, async::Deadline::after(clock, 2s), store->read(statement, {}, {})),
        async::asio::use_future);
  };
  std::vector<std::future<Result<>>> searches;
  for (int i = 0; i < 4; ++i) searches.push_back(ask(i % 2 ? loop : elsewhere, search));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ask(call, knowledge).get());
  released.set_value();
  for (auto& answer : searches) EXPECT_TRUE(answer.get());
  store->stop();
  call.stop();
}

TEST_F(Engine, what_nobody_waits_for_is_not_searched_to_its_end) {
  static constexpr Statement endless{
      "test.endless",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT max(i) FROM n",
      Cost::heavy};
  open({.path = path(), .read_workers = 1, .longest_read = 2s});
  async::SystemClock clock;
  const auto ask = [&](std::int64_t many_steps, milliseconds limit) {
    return async::run_on(elsewhere.executor(),
                         async::with_deadline(clock, async::Deadline::after(clock, limit),
                                              store->read(endless, {many_steps}, {})));
  };
  EXPECT_EQ(ask(1'000'000'000'000, 50ms).error().kind, Fault::timed_out);
  EXPECT_TRUE(ask(1'000, 5s)) << "the only worker is free again";
  const auto too_broad = ask(1'000'000'000'000, 60s);
  ASSERT_FALSE(too_broad);
  EXPECT_EQ(too_broad.error().code, "query_too_broad");
}

TEST_F(Engine, waiting_batches_share_one_commit_and_conflicts_stay_their_own) {
  fault_vfs::install();
  open({.path = path()});
  std::vector<std::future<Result<>>> answers;
  {
    const ForeignLock lock{path()};  // holds the writer until all are queued
    for (int i = 0; i < 200; ++i)
      answers.push_back(i % 3 == 2 ? start(rows("b", "half-" + std::to_string(i), "0a"))
                                   : start(rows("b", std::to_string(i) + "a", std::to_string(i) + "b")));
    // All are queued once the loop has run what was spawned before this.
    async::asio::post(loop.executor(), async::asio::use_future).get();
  }
  const int syncs_before = fault_vfs::log_syncs();
  int applied = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto answer = answers[i].get();
    if (i % 3 == 2)
      EXPECT_EQ(answer.error().code, "already_exists") << i;
    else
      applied += answer.has_value();
  }
  EXPECT_EQ(applied, 134);
  EXPECT_EQ(count("b"), 2 * 134);
  EXPECT_LE(fault_vfs::log_syncs() - syncs_before, 6) << "a commit for one, and one for all the others";
}

TEST_F(Engine, everybody_of_a_group_is_answered_on_the_loop_they_asked_from) {
  std::vector<std::future<bool>> answered_at_home;
  const auto ask = [this](async::LoopThread& from, std::string id) {
    return async::asio::co_spawn(
        from.executor(),
        [](SqliteStore& to, std::string row) -> async::Task<bool> {
          const auto home = std::this_thread::get_id();
          const bool written = bool(co_await to.write(rows("b", row + "a", row + "b")));
          co_return written&& std::this_thread::get_id() == home;
        }(*store, std::move(id)),
        async::asio::use_future);
  };
  {
    const ForeignLock lock{path()};  // holds the writer until all are queued
    for (int i = 0; i < 50; ++i) answered_at_home.push_back(ask(i % 2 ? loop : elsewhere, std::to_string(i)));
    for (auto* each : {&loop, &elsewhere}) async::asio::post(each->executor(), async::asio::use_future).get();
  }
  for (auto& answer : answered_at_home) EXPECT_TRUE(answer.get());
  EXPECT_EQ(count("b"), 100);
}

TEST_F(Engine, a_lock_held_elsewhere_is_said_and_got_over) {
  open({.path = path(), .busy_timeout = 20ms});
  {
    const ForeignLock lock{path()};
    const auto locked = write(rows("b", "1", "2"));
    EXPECT_EQ(locked.error().kind, Fault::unavailable);
    EXPECT_EQ(locked.error().code, "database_locked");
    EXPECT_EQ(count("b"), 0) << "reads go on";
  }
  EXPECT_TRUE(write(rows("b", "1", "2")));
}

TEST_F(Engine, a_full_queue_refuses_and_recovers) {
  const std::string padding(200'000, 'x');
  for (const bool by_bytes : {false, true}) {
    SqliteOptions options{.path = path(), .busy_timeout = 5s};
    by_bytes ? options.max_queued_bytes = 1'000'000 : options.max_queued_batches = 4;
    open(options);
    const std::string boot = by_bytes ? "bytes" : "batches";
    std::vector<std::future<Result<>>> answers;
    {
      const ForeignLock lock{path()};
      for (int i = 0; i < 30; ++i)
        answers.push_back(start(rows(boot, boot + std::to_string(i), padding + boot + std::to_string(i))));
      async::asio::post(loop.executor(), async::asio::use_future).get();
    }
    int applied = 0;
    for (auto& answer : answers) {
      const auto outcome = answer.get();
      applied += outcome.has_value();
      if (!outcome) EXPECT_EQ(outcome.error().code, "database_busy");
    }
    EXPECT_GE(applied, 4);
    EXPECT_LE(applied, 12) << "those queued, and those the writer had taken";
    EXPECT_EQ(count(boot), 2 * applied);
    EXPECT_TRUE(write(rows(boot, boot + "x", boot + "y")));
  }
}

TEST_F(Engine, rows_keep_their_types_inline_and_from_a_worker) {
  const std::string with_zero{"a\0b", 3};
  for (async::LoopThread* reader : {&loop, &elsewhere}) {
    int seen = 0;
    const std::thread::id home =
        async::asio::co_spawn(
            reader->executor(),
            []() -> async::Task<std::thread::id> { co_return std::this_thread::get_id(); },
            async::asio::use_future)
            .get();
    const auto read = async::run_on(reader->executor(), store->read(values, {with_zero}, [&](const Row& row) {
      ++seen;
      EXPECT_EQ(std::this_thread::get_id(), home);
      EXPECT_TRUE(row.is_null(0));
      EXPECT_EQ(row.text(0), "");
      EXPECT_EQ(row.integer(1), -7);
      EXPECT_EQ(row.real(2), 2.5);
      EXPECT_EQ(row.text(3), "text");
      EXPECT_EQ(row.text(4), with_zero);
      EXPECT_FALSE(row.is_null(5));
      EXPECT_EQ(row.text(5), "");
      EXPECT_EQ(row.real(6), 3.0);
      EXPECT_EQ(row.integer(7), 4);
    }));
    EXPECT_TRUE(read);
    EXPECT_EQ(seen, 1);
  }
}

TEST_F(Engine, a_result_without_bounds_is_refused_on_a_worker) {
  open({.path = path(), .longest_read = 5min});
  int seen = 0;
  const auto read = [&](std::int64_t rows) {
    return async::run_on(elsewhere.executor(), store->read(many, {rows}, [&](const Row&) { ++seen; }));
  };
  EXPECT_TRUE(read(1'000));
  EXPECT_EQ(seen, 1'000);
  EXPECT_EQ(read(100'000).error().code, "result_too_large");
  EXPECT_EQ(seen, 1'000);
}

TEST_F(Engine, a_visitor_that_throws_leaves_the_statement_usable) {
  const auto throwing = [&] {
    return async::run_on(loop.executor(), store->read(many, {std::int64_t{10}}, [](const Row&) {
      throw std::runtime_error("visitor");
    }));
  };
  EXPECT_THROW(throwing(), std::runtime_error);
  EXPECT_EQ(count("b"), 0);
  EXPECT_TRUE(write(rows("b", "1", "2"))) << "no read transaction was left behind";
  EXPECT_EQ(count("b"), 2);
}

TEST_F(Engine, readers_never_see_half_a_batch) {
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (async::LoopThread* reader : {&loop, &elsewhere, &elsewhere})
    readers.emplace_back([&, reader] {
      for (int reads = 0; reads < 50 || (!done && reads < 2'000); ++reads)
        EXPECT_EQ(count("b", *reader) % 2, 0);
    });
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(write(rows("b", std::to_string(i), std::to_string(i) + "b")));
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(count("b"), 200);
}

// A loop reads in one snapshot what it reads in one turn, but nothing older than what was durable before.
TEST_F(Engine, what_was_written_meanwhile_is_found_in_the_same_turn) {
  const auto counted = [](SqliteStore& asked, std::int64_t& rows) -> async::Task<> {
    EXPECT_TRUE(co_await asked.read(count_rows, {"boot"}, [&](const Row& row) { rows = row.integer(0); }));
  };
  std::int64_t before = -1, after = -1;
  async::run_on(loop.executor(), [&]() -> async::Task<> {
    co_await counted(*store, before);
    // Nothing else of this loop runs meanwhile.
    EXPECT_TRUE(async::run_on(elsewhere.executor(), store->write(rows("boot", "a", "b"))));
    co_await counted(*store, after);
  }());
  EXPECT_EQ(before, 0);
  EXPECT_EQ(after, 2);
}

TEST_F(Engine, a_snapshot_ends_with_the_turn) {
  EXPECT_EQ(count("boot"), 0);
  async::run_on(loop.executor(), []() -> async::Task<> { co_return; }());
  ASSERT_TRUE(write(rows("boot", "a", "b")));
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
  int frames = -1, moved = -1;
  EXPECT_EQ(sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, &frames, &moved), SQLITE_OK)
      << "somebody still reads what was before";
  sqlite3_close(db);
}

// A statement that changes many pages keeps what it may have to take back in a file: beside the database.
TEST_F(Engine, what_is_temporary_lies_beside_the_database) {
  const std::string other = directory / "other.db";
  std::ofstream{other};
  auto connection = Connection::open(other, Connection::Mode::writer, 1s).value();
  ASSERT_TRUE(connection.execute("CREATE TABLE wide (n INTEGER UNIQUE, filling TEXT)"));
  static constexpr Statement fill{
      "test.fill",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
      "INSERT INTO wide SELECT i, hex(zeroblob(500)) FROM n"};
  static constexpr Statement change{"test.change", "UPDATE wide SET n = -n, filling = filling || 'x'"};
  ASSERT_TRUE(connection.run(fill, {}));
  ASSERT_TRUE(connection.execute("BEGIN"));
  ASSERT_TRUE(connection.run(change, {}));
  int beside = 0, elsewhere_found = 0;
  for (const auto& file : std::filesystem::directory_iterator{"/proc/self/fd"}) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(file.path(), gone).string();
    if (!target.ends_with(" (deleted)") || target.find("etilqs_") == std::string::npos) continue;
    ++(target.starts_with(directory.path().string() + "/") ? beside : elsewhere_found);
  }
  EXPECT_GE(beside, 1);
  EXPECT_EQ(elsewhere_found, 0);
  ASSERT_TRUE(connection.execute("ROLLBACK"));
}

TEST_F(Engine, stop_writes_what_is_queued_and_refuses_the_rest) {
  std::vector<std::future<Result<>>> answers;
  for (int i = 0; i < 50; ++i)
    answers.push_back(start(rows("b", std::to_string(i), std::to_string(i) + "b")));
  async::asio::post(loop.executor(), async::asio::use_future).get();
  store->stop();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(write(rows("b", "late", "later")).error().code, "store_stopped");
  const auto read = async::run_on(loop.executor(), store->read(count_rows, {"b"}, {}));
  EXPECT_EQ(read.error().code, "store_stopped");
  open({.path = path()});
  EXPECT_EQ(count("b"), 100);
}

}  // namespace
}  // namespace voxanne::store
