// What a restore refuses to overwrite, and what the next one does with what an interrupted one left.
#include "backup/test_backup.h"
#include "store/sqlite/connection.h"

#include <gmock/gmock.h>

#include <array>

namespace voxanne::backup {
namespace {
namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::array<const char*, 3> beside{"-wal", "-shm", "-journal"};

class RestoreTest : public BackupScene {
 protected:
  void SetUp() override {
    write(source_ / "secret.key", "the secret that was backed up");
    write(source_ / "journal/00000001.journal", "what waits");
    stored("call_1", "one");
    stored("call_2", "two");
    const auto made = back_up(true);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(made->secret);
  }

  fs::path home() const { return homes_ / "home"; }
  fs::path database() const { return home() / "voxanne.db"; }
  Result<Contents> restore_to(const fs::path& database, bool secret = true) {
    fs::create_directories(home());
    return run(restore(file(), {home(), database}, restored_, secret, "node-2"));
  }
  Result<Contents> restore_home() { return restore_to(database()); }
  // One that ends before its second recording is stored, as if it were killed there.
  void interrupt(const fs::path& database, bool secret = true) {
    restored_.before = [&](const Access& access) -> Result<> {
      if (access.kind == Access::Kind::put && !restored_.held.empty())
        return unavailable("object_store_unavailable", "away on purpose");
      return {};
    };
    const auto stopped = restore_to(database, secret);
    restored_.before = [](const Access&) { return Result<>{}; };
    ASSERT_FALSE(stopped);
    ASSERT_EQ(stopped.error().code, "object_store_unavailable");
    ASSERT_TRUE(restore_is_unfinished(home()));
    ASSERT_EQ(restored_.held.size(), 1u);
  }
  // All of it, with nothing beside the database, which is in one piece.
  void expect_restored(const fs::path& where) {
    EXPECT_FALSE(restore_is_unfinished(home()));
    EXPECT_EQ(restored_.held, objects_.held);
    EXPECT_EQ(read(home() / "journal/00000001.journal"), "what waits");
    for (const char* suffix : beside) EXPECT_FALSE(fs::exists(where.string() + suffix)) << suffix;
    const auto bytes = read(where);
    ASSERT_GT(bytes.size(), 100u);
    // No write-ahead log (https://sqlite.org/fileformat2.html §1.3.3).
    EXPECT_EQ(bytes.substr(18, 2), "\1\1");
    std::int64_t calls = 0;
    static constexpr store::Statement count{"test.count", "SELECT count(*) FROM calls"};
    auto connection = store::Connection::open(where.string(), store::Connection::Mode::reader, 1s);
    ASSERT_TRUE(connection) << connection.error().message;
    ASSERT_TRUE(connection->run(count, {}, [&](const store::Row& row) { calls = row.integer(0); }));
    EXPECT_EQ(calls, 2);
  }

  test::TempDir homes_;
  Objects restored_;
};

TEST_F(RestoreTest, everything_is_put_in_its_place) {
  const auto done = restore_home();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->recordings, 2);
  EXPECT_EQ(read(home() / "secret.key"), "the secret that was backed up");
  expect_restored(database());
}

// SQLite would play them into the restored database.
TEST_F(RestoreTest, what_lies_beside_a_database_that_was_moved_away_is_in_the_way) {
  const auto elsewhere = homes_ / "elsewhere/calls.db";
  fs::create_directories(home());
  for (const auto& where : {database(), elsewhere})
    for (const char* suffix : beside) {
      const fs::path stale = where.string() + suffix;
      write(stale, "of the database that was here");
      const auto before = all_in(homes_.path());
      const auto refused = restore_to(where);
      ASSERT_FALSE(refused) << stale;
      EXPECT_EQ(refused.error().code, "restore_would_overwrite");
      EXPECT_THAT(refused.error().message, HasSubstr(stale.string() + " is there already"));
      EXPECT_EQ(all_in(homes_.path()), before);
      fs::remove(stale);
    }
  EXPECT_TRUE(restore_to(elsewhere));
  expect_restored(elsewhere);
}

TEST_F(RestoreTest, all_that_is_in_the_way_is_named_at_once) {
  write(database(), "a database");
  write(database().string() + "-wal", "its log");
  write(database().string() + "-shm", "its log's index");
  write(home() / "spool/harbour/call_9.spool", "a recording");
  const auto refused = restore_home();
  ASSERT_FALSE(refused);
  const auto path = database().string();
  EXPECT_THAT(refused.error().message, HasSubstr(path + ", " + path + "-wal, " + path + "-shm and " +
                                                 (home() / "spool").string() + " are there already"));
  EXPECT_THAT(refused.error().message, HasSubstr("move them away together"));
}

TEST_F(RestoreTest, an_interrupted_one_is_begun_again_without_what_came_to_lie_beside_its_database) {
  interrupt(database());
  write(database(), "half a database");
  for (const char* suffix : beside) write(database().string() + suffix, "of the half");
  write(home() / "spool/harbour/call_9.spool", "half a spool");
  const auto done = restore_home();
  ASSERT_TRUE(done) << done.error().message;
  expect_restored(database());
  EXPECT_FALSE(fs::exists(home() / "spool/harbour/call_9.spool"));
}

}  // namespace
}  // namespace voxanne::backup
