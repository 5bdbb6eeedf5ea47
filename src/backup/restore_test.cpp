// What a restore refuses to overwrite, and what the next one does with what an interrupted one left.
#include "backup/test_backup.h"
#include "store/sqlite/connection.h"

#include <gmock/gmock.h>

#include <array>
#include <string_view>

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
    EXPECT_FALSE(fs::exists(home() / ".unpacked"));
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

TEST_F(RestoreTest, begun_again_with_another_database_it_is_refused_and_touches_nothing) {
  const auto first = homes_ / "first/calls.db", other = homes_ / "other/calls.db";
  for (const bool placed : {false, true}) {
    interrupt(first);
    if (placed) write(first, "restored already");
    write(other, "somebody's calls");
    write(other.string() + "-wal", "and their latest");
    const auto before = all_in(homes_.path());
    for (const auto& where : {other, homes_ / "none/calls.db"}) {
      const auto refused = restore_to(where);
      ASSERT_FALSE(refused) << where;
      EXPECT_EQ(refused.error().code, "restore_elsewhere");
      EXPECT_THAT(refused.error().message, HasSubstr(first.string()));
      EXPECT_THAT(refused.error().message, HasSubstr(where.string()));
      EXPECT_THAT(refused.error().message, HasSubstr("DATABASE_URL"));
      EXPECT_EQ(all_in(homes_.path()), before);
    }
    const auto done = restore_to(first);
    ASSERT_TRUE(done) << done.error().message;
    expect_restored(first);
    EXPECT_EQ(read(other), "somebody's calls");
    EXPECT_EQ(read(other.string() + "-wal"), "and their latest");
    for (const auto& part : {home(), first.parent_path()}) fs::remove_all(part);
    restored_.held.clear();
  }
}

TEST_F(RestoreTest, the_same_database_by_another_path_is_the_same) {
  interrupt(homes_ / "first/calls.db");
  fs::create_directory_symlink(homes_.path(), home() / "link");
  const auto done = restore_to(home() / "link/home/../first/calls.db");
  ASSERT_TRUE(done) << done.error().message;
  expect_restored(homes_ / "first/calls.db");
}

TEST_F(RestoreTest, a_secret_that_the_interrupted_one_left_alone_is_left_alone) {
  write(home() / "secret.key", "a secret of its own");
  interrupt(database(), false);
  const auto before = all_in(homes_.path());
  const auto refused = restore_to(database(), true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "restore_elsewhere");
  EXPECT_THAT(refused.error().message, HasSubstr("SECRET_KEY was set"));
  EXPECT_EQ(all_in(homes_.path()), before);
  const auto done = restore_to(database(), false);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(read(home() / "secret.key"), "a secret of its own");
  expect_restored(database());
}

// A mark by a version that did not say where to, or a torn one.
TEST_F(RestoreTest, where_a_mark_does_not_say_whose_they_are_no_database_and_no_secret_is_removed) {
  const auto marker = homes_ / "home/.restoring";
  for (const char* mark : {"directory", "", "database=", "database=/somewhere/calls.db\nsecret=ye"})
    for (const char* name : {"voxanne.db", "voxanne.db-wal", "secret.key"}) {
      fs::remove_all(home());
      restored_.held.clear();
      if (std::string_view{mark} == "directory")
        write(marker / "voxanne.db", "unpacked");
      else
        write(marker, mark);
      write(home() / name, "perhaps somebody's");
      write(home() / "journal/00000009.journal", "of the interrupted one");
      const auto before = all_in(homes_.path());
      const auto refused = restore_home();
      ASSERT_FALSE(refused) << mark << name;
      EXPECT_EQ(refused.error().code, "restore_would_overwrite");
      EXPECT_THAT(refused.error().message, HasSubstr((home() / name).string() + " is there already"));
      EXPECT_THAT(refused.error().message, HasSubstr(marker.string()));
      EXPECT_EQ(all_in(homes_.path()), before);
      fs::remove(home() / name);
      const auto done = restore_home();
      ASSERT_TRUE(done) << mark << name << ": " << done.error().message;
      expect_restored(database());
      EXPECT_FALSE(fs::exists(home() / "journal/00000009.journal"));
    }
}

TEST_F(RestoreTest, a_bad_backup_neither_begins_a_restore_nor_ends_an_interrupted_one) {
  const auto whole = read(file());
  write(file(), whole.substr(0, whole.size() / 2));
  ASSERT_FALSE(restore_home());
  EXPECT_FALSE(restore_is_unfinished(home()));
  EXPECT_TRUE(all_in(home()).empty());

  write(file(), whole);
  interrupt(database());
  write(file(), whole.substr(0, whole.size() / 2));
  ASSERT_FALSE(restore_home());
  EXPECT_TRUE(restore_is_unfinished(home()));
  write(file(), whole);
  const auto done = restore_home();
  ASSERT_TRUE(done) << done.error().message;
  expect_restored(database());
}

}  // namespace
}  // namespace voxanne::backup
