// What the tests of backups and restores begin with: a database, its recordings, and where to put them.
#pragma once

#include "async/thread.h"
#include "backup/backup.h"
#include "recordings/key.h"
#include "store/uploads.h"
#include "support/store/memory_objects.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

namespace voxanne::backup {

class BackupScene : public testing::Test {
 protected:
  using Objects = test::MemoryObjects;
  using Access = Objects::Access;

  template <class T>
  T run(async::Task<T> task) {
    return async::run_on(loop_.executor(), std::move(task));
  }
  static std::string key(const std::string& call) {
    return recordings::recording_key(test::harbour, CallId{call});
  }
  // A call of `harbour` that the database has with a stored recording.
  void stored(const std::string& id, std::string bytes) {
    domain::Call call = test::a_call();
    call.id = CallId{id};
    store::Upload upload;
    upload.id = UploadId{"upl_" + id};
    upload.org = call.org;
    upload.call = call.id;
    upload.node = "node-1";
    upload.source = "x";
    upload.object_key = key(id);
    upload.content_type = "audio/ogg";
    upload.created_at = upload.next_attempt_at = test::noon;
    const auto done = store_.write([&](store::Batch& batch) {
      store::insert_call(batch, call, test::this_boot);
      store::end_call(batch, {call.org, call.id},
                      {.status = domain::CallStatus::ended,
                       .reason = std::string{domain::ended::customer},
                       .fault = domain::FaultParty::nobody,
                       .detail = {}},
                      test::noon);
      store::enqueue_upload(batch, upload);
      store::claim_upload(batch, upload, "boot", test::noon + std::chrono::hours{1});
      store::finish_upload(batch, upload);
    });
    ASSERT_TRUE(done) << done.error().message;
    objects_.held[upload.object_key] = std::move(bytes);
  }

  Result<Contents> back_up(bool secret = false) {
    return run(backup::back_up({source_.path(), store_.path()}, objects_, secret, "test", file()));
  }
  std::filesystem::path file() const { return made_ / "voxanne.tar"; }

  static void write(const std::filesystem::path& path, const std::string& bytes) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path, std::ios::binary} << bytes;
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream from{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{from}, {}};
  }
  // Every file under a directory, and what it holds.
  static std::map<std::string, std::string> all_in(const std::filesystem::path& directory) {
    std::map<std::string, std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory})
      out[entry.path().lexically_relative(directory).string()] =
          entry.is_regular_file() ? read(entry.path()) : "";
    return out;
  }

  test::TempStore store_;
  test::TempDir source_, made_;
  Objects objects_;
  async::LoopThread loop_{"backup-test"};
};

}  // namespace voxanne::backup
