// What of the recordings a backup has, which of them it may be without, and what it says of those.
#include "backup/backup.h"

#include "backup/test_backup.h"
#include "store/cleanup.h"

#include <gmock/gmock.h>

namespace voxanne::backup {
namespace {
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

// Some pieces and a rest.
std::string long_recording(char seed) {
  std::string bytes(2'500'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(seed + i % 251);
  return bytes;
}

class BackupTest : public BackupScene {
 protected:
  // First the row and then the object, as retention does.
  void expire(const std::string& call) {
    const auto done = store_.write([&](store::Batch& batch) {
      store::OldCall old;
      old.id = CallId{call};
      old.recording = domain::RecordingStatus::stored;
      old.object_key = key(call);
      store::expire_recording(batch, test::harbour, old, test::noon);
    });
    EXPECT_TRUE(done) << done.error().message;
    EXPECT_EQ(objects_.held.erase(key(call)), 1u);
  }
  void expect_no_backup() const {
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_FALSE(fs::exists(file().string() + ".partial"));
  }
  // The recordings of a server that was restored from it.
  std::map<std::string, std::string> restored() {
    const test::TempDir home;
    Objects there;
    const auto done = run(restore(file(), {home.path(), home / "voxanne.db"}, there, false, "node-2"));
    EXPECT_TRUE(done) << done.error().message;
    return there.held;
  }
};

TEST_F(BackupTest, recordings_of_any_length_are_in_it) {
  const std::size_t piece = 1024 * 1024;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, piece - 1, piece, piece + 1, 2 * piece})
    stored("call_" + std::to_string(size), long_recording('a').substr(0, size));
  stored("call_long", long_recording('b') + long_recording('c'));
  stored("call_short", "after a long one");
  const auto made = back_up();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->recordings, 8);
  EXPECT_THAT(made->missing, IsEmpty());
  EXPECT_EQ(restored(), objects_.held);
}

// Before its first access, its second and so on: it is wholly in the backup, or left out.
TEST_F(BackupTest, a_recording_that_is_removed_while_it_is_read_is_left_out) {
  stored("call_1", long_recording('a'));
  stored("call_3", "short");
  int left_out = 0;
  for (int n = 1;; ++n) {
    const std::string call = "call_2_" + std::to_string(n);
    stored(call, long_recording('b'));
    int accesses = 0;
    objects_.before = [&](const Access& access) -> Result<> {
      if (access.kind != Access::Kind::list && access.key == key(call) && ++accesses == n) expire(call);
      return {};
    };
    const auto made = back_up();
    ASSERT_TRUE(made) << "removed before access " << n << ": " << made.error().message;
    const bool removed = !objects_.held.contains(key(call));
    EXPECT_EQ(made->recordings, removed ? 2 : 3) << n;
    EXPECT_THAT(made->missing, IsEmpty()) << n;
    EXPECT_EQ(restored(), objects_.held) << n;
    if (!removed) break;
    ++left_out;
    fs::remove(file());
  }
  EXPECT_EQ(left_out, 4) << "before its size, and before each of three pieces";
}

TEST_F(BackupTest, whatever_else_keeps_a_recording_from_being_read_there_is_no_backup) {
  stored("call_1", long_recording('a'));
  stored("call_2", "short");
  int failed = 0;
  for (int n = 1;; ++n) {
    int accesses = 0;
    objects_.before = [&](const Access&) -> Result<> {
      if (++accesses == n) return unavailable("object_store_unavailable", "away on purpose");
      return {};
    };
    const auto made = back_up();
    if (made) {
      EXPECT_LT(accesses, n);
      EXPECT_EQ(made->recordings, 2);
      break;
    }
    EXPECT_EQ(made.error().code, "object_store_unavailable") << n;
    expect_no_backup();
    ++failed;
  }
  EXPECT_EQ(failed, 8) << "two lists, two sizes and four pieces";
}

TEST_F(BackupTest, a_recording_that_changes_while_it_is_read_fails_it) {
  stored("call_1", long_recording('a'));
  objects_.before = [&](const Access& access) -> Result<> {
    if (access.kind == Access::Kind::read && access.offset > 0) objects_.held[access.key] = "shorter";
    return {};
  };
  const auto made = back_up();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, "backup_source_unreadable");
  expect_no_backup();
}

TEST_F(BackupTest, stored_recordings_that_the_store_has_not_are_named) {
  stored("call_1", "one");
  stored("call_2", "two");
  stored("call_3", "three");
  objects_.held.erase(key("call_2"));
  const auto made = back_up();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->recordings, 2);
  EXPECT_THAT(made->missing, ElementsAre(key("call_2")));
  EXPECT_EQ(restored(), objects_.held);
}

TEST_F(BackupTest, what_the_database_has_as_stored_is_asked_for_even_if_it_is_not_listed) {
  stored("call_1", "one");
  stored("call_2", "two");
  objects_.unlisted = {key("call_2")};
  objects_.before = [&](const Access& access) -> Result<> {
    if (access.key == key("call_2")) return unavailable("object_store_unavailable", "away on purpose");
    return {};
  };
  const auto refused = back_up();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "object_store_unavailable");
  expect_no_backup();

  objects_.before = [](const Access&) { return Result<>{}; };
  const auto made = back_up();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->recordings, 2);
  EXPECT_EQ(restored(), objects_.held);
}

// A directory that leads to itself cannot be listed, whoever asks.
TEST_F(BackupTest, spools_or_a_journal_that_cannot_be_listed_fail_it) {
  for (const char* place : {"spool", "spool/harbour", "journal"}) {
    const auto directory = source_ / place;
    fs::create_directories(directory.parent_path());
    fs::create_directory_symlink(directory.filename(), directory);
    const auto made = back_up();
    ASSERT_FALSE(made) << place;
    EXPECT_EQ(made.error().code, "backup_source_unreadable") << place;
    expect_no_backup();
    fs::remove(directory);
  }
  ASSERT_TRUE(back_up()) << "without any there is nothing to copy";
}

}  // namespace
}  // namespace voxanne::backup
