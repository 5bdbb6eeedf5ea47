// Dies at every step of what follows a call, for every step, as kill -9 would: without running a
// destructor. A step is the moment before and the moment after each access to the database and to
// the object store. Afterwards a new boot recovers and works the queue; nothing may be lost.
#include "async/thread.h"
#include "audio/ogg_opus.h"
#include "recordings/file_store.h"
#include "recordings/key.h"
#include "recordings/recorder.h"
#include "recordings/recovery.h"
#include "recordings/test_frames.h"
#include "recordings/upload_queue.h"
#include "store/organizations.h"
#include "store/sqlite/sqlite_store.h"
#include "support/store/fuse.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace voxanne::recordings {
namespace {

namespace fs = std::filesystem;
using domain::RecordingStatus;

constexpr std::uint64_t slots = 120;
// Of take_a_call(): two batches, the second one the call's. Dying at the last of them leaves it durable.
constexpr int steps_before_audio = 4;
constexpr UtcTime noon{std::chrono::sys_days{std::chrono::year{2026} / 6 / 1} + std::chrono::hours{12}};
const store::CallKey key{OrgId{"harbour"}, CallId{"call_1"}};

// One boot of the server, as far as recordings go.
struct Boot {
  Boot(const fs::path& directory, std::string name, int steps)
      : root(directory),
        holder{"node-1", std::move(name)},
        fuse{.left = steps, .reads = true, .blow = [] { _exit(137); }},
        sqlite(store::SqliteStore::open({.path = (directory / "voxanne.db").string()}).value()),
        database(*sqlite, fuse),
        objects(files, fuse),
        queue(database, objects, workers, clock, {.spool = directory / "spool", .node = "node-1"}) {}
  ~Boot() { sqlite->stop(); }

  template <class T>
  T run(async::Task<T> task) {
    return async::run_on(loop.executor(), std::move(task));
  }
  void write(const std::function<void(store::Batch&)>& fill) {
    store::Batch batch;
    fill(batch);
    if (!run(database.write(std::move(batch)))) throw std::runtime_error("a batch of the test was refused");
  }

  void take_a_call() {
    write([](store::Batch& batch) {
      domain::Organization org;
      org.id = key.org;
      store::put_organization(batch, org, noon);
      domain::Assistant assistant;
      assistant.id = AssistantId{"reception"};
      assistant.org = key.org;
      store::put_assistant(batch, assistant, noon);
    });
    write([&](store::Batch& batch) {
      domain::Call call;
      call.id = key.id;
      call.org = key.org;
      call.assistant = AssistantId{"reception"};
      call.created_at = noon;
      store::insert_call(batch, call, holder);
      store::move_call(batch, key, domain::CallStatus::in_progress, noon);
      store::set_recording_status(batch, key, RecordingStatus::recording);
    });
    SpoolWriter writer{{.spool = root / "spool", .threads = 1, .gather = 0ms, .min_free_bytes = 0}};
    Recorder recorder{writer, {.call = key.id, .org = key.org, .started_at = noon}};
    for (std::uint64_t i = 0; i < slots; ++i) recorder.on_frames(test::frame(i, 0), test::frame(i, 1));
    const auto recording = run(recorder.finish());
    write([&](store::Batch& batch) {
      store::end_call(batch, key, {.reason = std::string{domain::ended::customer}, .detail = {}},
                      noon + slots * 20ms);
      store::enqueue_upload(batch, upload_of(key.org, key.id, holder.node, recording.slots, noon));
    });
  }

  void recover_all() {
    static_cast<void>(run(recover(database, workers, clock, root / "spool", holder)).value());
  }

  void work() {
    for (auto& upload : run(queue.claim(10, clock.utc() + 15min)).value()) {
      const auto outcome = run(queue.handle(upload));
      if (!run(queue.complete(upload, outcome, noon))) throw std::runtime_error("the outcome was refused");
    }
  }

  fs::path root;
  store::Holder holder;
  voxanne::test::Fuse fuse;
  async::SystemClock clock;
  async::LoopThread loop{"boot"};
  async::WorkerPool workers{"files", 1};
  FileStore files{{root / "objects", root / "known"}, workers};
  std::unique_ptr<store::SqliteStore> sqlite;
  voxanne::test::FusedStore database;
  voxanne::test::FusedObjects objects;
  UploadQueue queue;
};

// Runs a boot in a process of its own; true when it came to its end, false when it blew its fuse.
bool survives(const std::function<void()>& boot) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      boot();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  EXPECT_TRUE(code == 0 || code == 137) << code;
  return code == 0;
}

// What a crash left of the call, seen in a copy: the next boot finds the database as the dead one left it.
std::optional<domain::Call> left_of_the_call(const fs::path& directory) {
  const voxanne::test::TempDir copy;
  fs::copy(directory, copy.path(), fs::copy_options::recursive);
  Boot look{copy.path(), "boot-look", 0};
  return look.run(store::find_call(look.database, key)).value();
}

void expect_everything_is_kept(const fs::path& directory, const std::string& reason, bool recorded = true) {
  Boot last{directory, "boot-last", 0};
  const auto call = last.run(store::find_call(last.database, key)).value();
  ASSERT_TRUE(call) << "the call was durable";
  EXPECT_EQ(call->ended_reason, reason);
  if (!recorded) {
    EXPECT_EQ(call->recording_status, RecordingStatus::none);
    return;
  }
  ASSERT_EQ(call->recording_status, RecordingStatus::stored);
  const auto place = last.run(store::find_recording(last.database, key)).value().value();
  EXPECT_EQ(file_checksum(directory / "objects" / place.object_key, "unreadable").value(), place.sha256);
  auto decoder =
      audio::OggOpusDecoder::open_file(directory / "objects" / place.object_key, audio::narrowband);
  ASSERT_TRUE(decoder);
  EXPECT_NEAR(static_cast<double>(decoder->total_samples().value()), slots * 160.0, 160.0);
  EXPECT_EQ(place.duration_ms, static_cast<std::int64_t>(slots) * 20);
  EXPECT_TRUE(fs::is_empty(directory / "spool/harbour"));
}

TEST(CrashSweep, dying_at_any_step_after_a_call_loses_nothing) {
  int step = 1;
  for (;; ++step) {
    SCOPED_TRACE("died at step " + std::to_string(step));
    const voxanne::test::TempDir dir;
    const bool survived = survives([&] {
      Boot boot{dir.path(), "boot-1", step};
      boot.take_a_call();
      boot.work();
    });
    const auto left = left_of_the_call(dir.path());
    EXPECT_EQ(left.has_value(), step >= steps_before_audio) << "before that nobody was answered";
    ASSERT_TRUE(survives([&] {
      Boot boot{dir.path(), "boot-2", 0};
      boot.recover_all();
      boot.work();
    }));
    // Where the verdict had been written it stays; else the crash is the verdict.
    const bool ended = left && !left->ended_reason.empty();
    if (survived) EXPECT_TRUE(ended);
    if (left)
      expect_everything_is_kept(dir.path(), ended ? "customer-ended-call" : "worker-shutdown",
                                step > steps_before_audio);
    if (survived || HasFailure()) break;
  }
  EXPECT_GE(step, 10) << "steps were counted";
  std::printf("crash sweep: %d steps after a call\n", step - 1);
}

TEST(CrashSweep, dying_at_any_step_of_recovery_leaves_the_rest_to_the_next_boot) {
  int step = 1;
  for (;; ++step) {
    SCOPED_TRACE("died at step " + std::to_string(step));
    const voxanne::test::TempDir dir;
    // Dies with the recording finished and the verdict about to be written.
    ASSERT_FALSE(survives([&] {
      Boot boot{dir.path(), "boot-1", steps_before_audio + 1};
      boot.take_a_call();
    }));
    const bool survived = survives([&] {
      Boot boot{dir.path(), "boot-2", step};
      boot.recover_all();
      boot.work();
    });
    ASSERT_TRUE(survives([&] {
      Boot boot{dir.path(), "boot-3", 0};
      boot.recover_all();
      boot.work();
    }));
    expect_everything_is_kept(dir.path(), "worker-shutdown");
    if (survived || HasFailure()) break;
  }
  EXPECT_GE(step, 10) << "steps were counted";
  std::printf("crash sweep: %d steps of recovery\n", step - 1);
}

}  // namespace
}  // namespace voxanne::recordings
