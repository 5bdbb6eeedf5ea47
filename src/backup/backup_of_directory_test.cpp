// What a backup takes of a directory of recordings, and what a restore makes of one.
#include "backup/backup.h"

#include "base/secret.h"
#include "recordings/file_store.h"
#include "support/store/temp_store.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::backup {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BackupOfDirectory : public testing::Test {
 protected:
  Result<Contents> back_up_to(const fs::path& file) {
    return store_.run(back_up({home_, store_.path()}, objects_, false, "1.2.3", file));
  }
  void record(const std::string& key) {
    std::ofstream{directory_ / "source"} << key;
    ASSERT_TRUE(store_.run(objects_.put(key, directory_ / "source", to_hex(sha256(key)))));
  }

  test::TempDir directory_;
  const fs::path home_ = directory_ / "home", recordings_ = home_ / "recordings";
  const bool made_ = fs::create_directory(home_);
  async::WorkerPool workers_{"workers", 1};
  recordings::FileStore objects_{{recordings_, home_ / "storage.known"}, workers_};
  test::TempStore store_;
};

TEST_F(BackupOfDirectory, without_the_recordings_directory_there_is_none_and_it_is_said_how_to_mend_it) {
  record("harbour/call_1.ogg");
  fs::rename(recordings_, directory_ / "elsewhere");
  const auto failed = back_up_to(directory_ / "voxanne.tar");
  ASSERT_FALSE(failed) << failed->recordings << " recordings";
  EXPECT_EQ(failed.error().code, "object_store_unavailable");
  EXPECT_THAT(failed.error().message, HasSubstr(recordings_.string() + " is not there: mount it"));
  EXPECT_FALSE(fs::exists(directory_ / "voxanne.tar") || fs::exists(directory_ / "voxanne.tar.partial"));
  EXPECT_FALSE(fs::exists(recordings_));
  fs::rename(directory_ / "elsewhere", recordings_);
  EXPECT_EQ(back_up_to(directory_ / "voxanne.tar").value().recordings, 1);
}

TEST_F(BackupOfDirectory, a_restore_makes_a_directory_with_a_marker_of_its_own) {
  for (const int recorded : {0, 1}) {
    if (recorded > 0) record("harbour/call_1.ogg");
    const auto file = directory_ / (std::to_string(recorded) + ".tar");
    ASSERT_EQ(back_up_to(file).value().recordings, recorded);
    const fs::path to = directory_ / ("restored" + std::to_string(recorded)), there = to / "recordings";
    fs::create_directories(there);
    std::ofstream{there / recordings::marker_name};  // an operator's word, and nothing in the way
    recordings::FileStore objects{{there, to / "storage.known"}, workers_};
    const auto restored = store_.run(restore(file, {to, to / "voxanne.db"}, objects, false, "node-1"));
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->recordings, recorded);
    EXPECT_EQ(store_.run(objects.list({}, {}, 10)).value().size(), std::size_t(recorded));
    // The next start knows it.
    fs::rename(there, to / "elsewhere");
    recordings::FileStore next{{there, to / "storage.known"}, workers_};
    EXPECT_FALSE(next.check());
    fs::rename(to / "elsewhere", there);
    EXPECT_TRUE(next.check());
  }
}

}  // namespace
}  // namespace voxanne::backup
