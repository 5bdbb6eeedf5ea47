// The database goes away and comes back: nothing acknowledged is lost, nothing is applied by half, and
// the store serves again by itself.
#include "store/sqlite/sqlite_store.h"

#include "store/sqlite/file_watch.h"
#include "support/store/fault_vfs.h"
#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/use_future.hpp>

#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <thread>

namespace voxanne::store {
namespace {

using namespace test;
namespace fs = std::filesystem;

constexpr Statement insert_row{"test.insert",
                               "INSERT INTO nodes (id, boot_id, started_at, seen_at) VALUES (?1, ?2, 0, 0)"};
constexpr Statement all_rows{"test.rows", "SELECT id FROM nodes WHERE boot_id = ?1"};

class Faults : public testing::Test {
 protected:
  Faults() {
    fault_vfs::install();
    open();
  }
  ~Faults() override {
    fault_vfs::heal();
    store->stop();
    loop.stop();
  }
  void open() {
    store.reset();
    store = SqliteStore::open({.path = path(), .inline_readers = {loop.executor()}, .busy_timeout = 50ms})
                .value();
  }
  // Two rows that belong together.
  Result<> write(const std::string& name, std::size_t padding = 0) {
    Batch batch;
    batch.add(insert_row, {name + "/1" + std::string(padding, 'x'), "b"}, 1);
    batch.add(insert_row, {name + "/2" + std::string(padding, 'x'), "b"}, 1);
    return async::run_on(loop.executor(), store->write(std::move(batch)));
  }
  Result<> read(std::map<std::string, int>& found) {
    found.clear();
    return async::run_on(loop.executor(), store->read(all_rows, {"b"}, [&](const Row& row) {
      const std::string_view id = row.text(0);
      ++found[std::string{id.substr(0, id.find('/'))}];
    }));
  }
  std::map<std::string, int> rows() {
    std::map<std::string, int> found;
    const auto done = read(found);
    EXPECT_TRUE(done) << done.error().message;
    return found;
  }
  std::string path() const { return directory / "test.db"; }

  TempDir directory;
  async::LoopThread loop{"test-loop"};
  std::unique_ptr<SqliteStore> store;
};

TEST_F(Faults, a_full_disk_is_said_reads_go_on_and_writes_come_back) {
  ASSERT_TRUE(write("before"));
  fault_vfs::fail(1, fault_vfs::for_good, SQLITE_FULL);
  for (int i = 0; i < 3; ++i) {
    const auto full = write("during");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().kind, Fault::unavailable);
    EXPECT_EQ(full.error().code, "disk_full");
    EXPECT_TRUE(full.error().retry_after);
    EXPECT_THAT(rows(), testing::ElementsAre(testing::Pair("before", 2)));
  }
  fault_vfs::heal();
  EXPECT_TRUE(write("after"));
  EXPECT_THAT(rows(), testing::ElementsAre(testing::Pair("after", 2), testing::Pair("before", 2)));
}

TEST_F(Faults, each_result_code_has_its_own_word) {
  for (const auto& [code, word] :
       {std::pair{SQLITE_FULL, "disk_full"}, std::pair{SQLITE_IOERR_WRITE, "database_io_error"},
        std::pair{SQLITE_READONLY, "database_read_only"}, std::pair{SQLITE_CORRUPT, "database_corrupt"},
        std::pair{SQLITE_NOMEM, "out_of_memory"}}) {
    fault_vfs::fail(1, fault_vfs::for_good, code);
    const auto failed = write("x");
    fault_vfs::heal();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, word);
    EXPECT_EQ(failed.error().kind, Fault::unavailable);
    EXPECT_TRUE(rows().empty());
  }
  EXPECT_TRUE(write("after"));
}

// One failure at the n-th write, sync or truncation, for every n until none is met; the log grows over its
// checkpoint meanwhile.
TEST_F(Faults, a_failure_at_any_step_loses_nothing_acknowledged_and_halves_nothing) {
  std::vector<std::string> acknowledged;
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_FSYNC}) {
    bool struck = true;
    for (int nth = 1; struck; ++nth) {
      SCOPED_TRACE(testing::Message() << "code " << code << " at operation " << nth);
      fault_vfs::fail(nth, 1, code);
      int refused = 0;
      for (int i = 0; i < 4; ++i) {
        const std::string name = std::to_string(code) + "-" + std::to_string(nth) + "-" + std::to_string(i);
        write(name, 12'000) ? acknowledged.push_back(name) : void(++refused);
      }
      struck = fault_vfs::struck();
      fault_vfs::heal();
      ASSERT_LE(refused, 1) << "a passing fault costs its own batch at most";
      ASSERT_LT(nth, 500);
    }
    open();
    const auto found = rows();
    for (const std::string& name : acknowledged) ASSERT_TRUE(found.contains(name)) << name;
    for (const auto& [name, count] : found) ASSERT_EQ(count, 2) << name;
  }
  store.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &db), SQLITE_OK);
  std::string verdict;
  sqlite3_exec(
      db, "PRAGMA integrity_check",
      [](void* out, int, char** text, char**) {
        *static_cast<std::string*>(out) += text[0];
        return 0;
      },
      &verdict, nullptr);
  sqlite3_close(db);
  EXPECT_EQ(verdict, "ok");
  open();
}

TEST_F(Faults, a_fault_in_a_group_costs_one_batch_at_most) {
  ASSERT_TRUE(write("before"));
  sqlite3* lock = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &lock), SQLITE_OK);
  store.reset();
  store =
      SqliteStore::open({.path = path(), .inline_readers = {loop.executor()}, .busy_timeout = 5s}).value();
  ASSERT_EQ(sqlite3_exec(lock, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  std::vector<std::future<Result<>>> answers;
  for (int i = 0; i < 4; ++i) {
    Batch batch;
    for (int part = 1; part <= 2; ++part)
      batch.add(insert_row, {std::to_string(i) + "/" + std::to_string(part), "b"}, 1);
    answers.push_back(
        async::asio::co_spawn(loop.executor(), store->write(std::move(batch)), async::asio::use_future));
  }
  async::asio::post(loop.executor(), async::asio::use_future).get();
  // The lock's end lets the first batch through; the fault meets the group of the other three once.
  fault_vfs::fail(1, 1, SQLITE_FULL);
  sqlite3_close(lock);
  int failed = 0;
  for (auto& answer : answers) failed += !answer.get();
  EXPECT_LE(failed, 1);
  EXPECT_TRUE(fault_vfs::struck());
  EXPECT_EQ(rows().size(), 5u - static_cast<std::size_t>(failed));
}

TEST_F(Faults, a_deleted_file_is_noticed_before_a_write_is_acknowledged_and_never_recreated) {
  ASSERT_TRUE(write("before"));
  const fs::path aside = directory / "aside.db";
  fs::rename(path(), aside);
  const auto lost = write("into the void");
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, "database_deleted");
  EXPECT_EQ(lost.error().kind, Fault::unavailable);
  std::map<std::string, int> found;
  EXPECT_EQ(read(found).error().code, "database_deleted");
  EXPECT_FALSE(write("again"));
  EXPECT_FALSE(fs::exists(path()));

  fs::rename(aside, path());
  // Looked at again at most once a second.
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (!write("after") && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(20ms);
  EXPECT_EQ(rows()["after"], 2);
  EXPECT_EQ(rows()["before"], 2);
}

TEST_F(Faults, a_replaced_file_or_a_lost_log_is_noticed) {
  ASSERT_TRUE(write("before"));
  const fs::path other = directory / "other.db";
  fs::copy_file(path(), other);
  fs::rename(other, path());
  EXPECT_EQ(write("x").error().code, "database_replaced");

  fs::remove(path());
  fs::remove(path() + "-wal");
  fs::remove(path() + "-shm");
  open();
  ASSERT_TRUE(write("before"));
  fs::remove(path() + "-wal");
  EXPECT_EQ(write("x").error().code, "database_deleted");
}

TEST_F(Faults, files_are_looked_at_once_a_second) {
  FileWatch watch{path()};
  const SteadyTime start{1h};
  EXPECT_TRUE(watch.check_lately(start));
  const fs::path aside = directory / "aside.db";
  fs::rename(path(), aside);
  EXPECT_TRUE(watch.check_lately(start + 999ms));
  EXPECT_EQ(watch.check_lately(start + 1s).error().code, "database_deleted");
  fs::rename(aside, path());
  EXPECT_FALSE(watch.check_lately(start + 1'999ms));
  EXPECT_TRUE(watch.check_lately(start + 2s));
}

}  // namespace
}  // namespace voxanne::store
