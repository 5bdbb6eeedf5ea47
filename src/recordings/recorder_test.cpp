#include "recordings/recorder.h"

#include "async/thread.h"
#include "recordings/test_frames.h"
#include "support/eventually.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <new>
#include <span>

namespace voxanne::recordings {
namespace {

using test::frame;
using test::header;
using test::mark;

SpoolWriter::Options options(const voxanne::test::TempDir& dir) {
  return {.spool = dir.path(), .threads = 2, .memory_bytes = 8 << 20, .gather = 0ms, .min_free_bytes = 0};
}

Recording finish(async::LoopThread& loop, Recorder& recorder) {
  return async::run_on(loop.executor(), recorder.finish());
}

// Every slot carries its own number on both sides: what plays is exactly a prefix of what was fed.
std::uint64_t verified_slots(const std::filesystem::path& path) {
  auto reader = SpoolReader::open(path);
  if (!reader) throw BadResult{reader.error()};
  SpoolReader::Slot slot;
  std::uint64_t count = 0;
  for (; reader->next(slot).value(); ++count) {
    EXPECT_EQ(slot.caller.samples()[0], mark(count, 0));
    EXPECT_EQ(slot.assistant.samples()[159], mark(count, 1));
  }
  return count;
}

TEST(Recorder, a_call_without_a_sound_leaves_no_file) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  SpoolWriter writer{options(dir)};
  Recorder recorder{writer, header()};
  const auto recording = finish(loop, recorder);
  EXPECT_EQ(recording.slots, 0u);
  EXPECT_FALSE(recording.stopped);
  for (const auto& left : std::filesystem::recursive_directory_iterator{dir.path()})
    EXPECT_FALSE(left.is_regular_file()) << left.path();
}

TEST(Recorder, keeps_every_slot_of_both_sides) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  SpoolWriter writer{options(dir)};
  Recorder recorder{writer, header()};
  for (std::uint64_t i = 0; i < 1'234; ++i) recorder.on_frames(frame(i, 0), frame(i, 1));
  const auto recording = finish(loop, recorder);
  EXPECT_EQ(recording.slots, 1'234u);
  EXPECT_EQ(recording.lost, 0u);
  EXPECT_FALSE(recording.stopped);
  EXPECT_DOUBLE_EQ(recording.seconds(), 24.68);
  EXPECT_EQ(verified_slots(spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"})), 1'234u);
  writer.stop();
  EXPECT_EQ(writer.pool().in_use(), 0u);
}

TEST(Recorder, wideband_fits_too) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  SpoolWriter writer{options(dir)};
  Recorder recorder{writer, header("call_w", audio::wideband)};
  for (std::uint64_t i = 0; i < 100; ++i)
    recorder.on_frames(frame(i, 0, audio::wideband), frame(i, 1, audio::wideband));
  EXPECT_EQ(finish(loop, recorder).slots, 100u);
  EXPECT_EQ(verified_slots(spool_path(dir.path(), OrgId{"demo"}, CallId{"call_w"})), 100u);
}

TEST(Recorder, is_locked_while_it_records_and_closes_when_it_is_dropped) {
  const voxanne::test::TempDir dir;
  const auto path = spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"});
  SpoolWriter writer{options(dir)};
  {
    Recorder recorder{writer, header()};
    for (std::uint64_t i = 0; i < 30; ++i) recorder.on_frames(frame(i, 0), frame(i, 1));
    // The file shows up by itself, before the first block is full, and is then held.
    for (int i = 0; i < 5'000 && !std::filesystem::exists(path); ++i) usleep(1'000);
    const auto held = lock_spool(path);
    ASSERT_TRUE(held);
    EXPECT_FALSE(held->has_value());
  }
  writer.stop();
  const auto free = lock_spool(path);
  ASSERT_TRUE(free);
  EXPECT_TRUE(free->has_value());
  EXPECT_EQ(verified_slots(path), 30u);
}

TEST(Recorder, a_spool_that_cannot_be_written_stops_the_recording_and_not_the_call) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  auto blocked = options(dir);
  blocked.spool = dir.path() / "file";
  std::fclose(std::fopen(blocked.spool.c_str(), "w"));  // a file where the directory should be
  SpoolWriter writer{blocked};
  int told = 0;
  std::string code;
  Recorder recorder{writer, header(), [&](const Error& error) {
                      ++told;
                      code = error.code;
                    }};
  EXPECT_TRUE(voxanne::test::eventually([&] {
    recorder.on_frames(frame(0, 0), frame(0, 1));
    return told > 0;
  }));
  for (std::uint64_t i = 0; i < 100; ++i) recorder.on_frames(frame(i, 0), frame(i, 1));
  const auto recording = finish(loop, recorder);
  recorder.on_frames(frame(0, 0), frame(0, 1));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(code, "spool_write_failed");
  EXPECT_EQ(recording.slots, 0u);
  ASSERT_TRUE(recording.stopped);
  EXPECT_EQ(recording.stopped->code, "spool_write_failed");
}

TEST(Recorder, below_the_disk_floor_nothing_is_recorded) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  auto floor = options(dir);
  floor.min_free_bytes = ~std::uint64_t{0};
  SpoolWriter writer{floor};
  Recorder recorder{writer, header()};
  const auto recording = finish(loop, recorder);
  ASSERT_TRUE(recording.stopped);
  EXPECT_EQ(recording.stopped->code, "disk_low");
}

// RLIMIT_FSIZE stands in for a full disk: write() fails in the middle of a block.
TEST(Recorder, on_a_full_disk_what_was_written_stays_playable) {
  const voxanne::test::TempDir dir;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    async::LoopThread loop{"test"};
    SpoolWriter writer{options(dir)};
    int told = 0;
    Recorder recorder{writer, header(), [&](const Error&) { ++told; }};
    for (std::uint64_t i = 0; i < 1'000'000 && told == 0; ++i) {
      recorder.on_frames(frame(i, 0), frame(i, 1));
      while (writer.pool().in_use() > 4) usleep(100);
    }
    const auto recording = finish(loop, recorder);
    _exit(told == 1 && recording.stopped && recording.stopped->code == "spool_write_failed" &&
                  recording.slots > 200
              ? 0
              : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const auto path = spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"});
  const auto slots = verified_slots(path);
  EXPECT_GT(slots, 200u);  // 100,000 bytes hold 303 slots
  EXPECT_LE(slots, 303u);
  EXPECT_EQ(std::filesystem::file_size(path), encode_header(header()).size() + slots * 329);
}

TEST(Recorder, writers_that_are_behind_cost_slots_but_never_alignment) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  auto tight = options(dir);
  tight.memory_bytes = 3 * sizeof(Block);
  SpoolWriter writer{tight};
  std::vector<Block*> taken;
  Recorder recorder{writer, header()};
  std::uint64_t slot = 0;
  const auto feed = [&](int count) {
    for (int i = 0; i < count; ++i, ++slot) recorder.on_frames(frame(slot, 0), frame(slot, 1));
  };
  // All that are not the recorder's, or the writer's for the moment.
  const auto take_until = [&](std::size_t count) {
    return voxanne::test::eventually([&] {
      while (Block* block = writer.pool().take()) taken.push_back(block);
      return taken.size() == count;
    });
  };
  feed(10);  // holds one block
  ASSERT_TRUE(take_until(2));
  feed(15);  // hands it on …
  ASSERT_TRUE(take_until(3));
  feed(200);  // … and finds none
  for (Block* block : taken) {
    block->next = nullptr;
    writer.pool().give_back(block);
  }
  feed(50);
  const auto recording = finish(loop, recorder);
  EXPECT_EQ(recording.slots, slot);
  EXPECT_EQ(recording.lost, 200u);
  auto reader = SpoolReader::open(spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"}));
  ASSERT_TRUE(reader);
  const auto summary = reader->scan().value();
  EXPECT_EQ(summary.slots, slot);
  EXPECT_EQ(summary.lost, recording.lost);
  SpoolReader::Slot out;
  for (std::uint64_t i = 0; i < slot; ++i) {
    ASSERT_TRUE(reader->next(out).value());
    ASSERT_EQ(out.caller.samples()[0], out.lost ? 0 : mark(i, 0)) << i;
  }
}

// Blocks that were never written back have no place on the disk yet (delayed allocation).
bool on_disk(const std::filesystem::path& path) {
  constexpr unsigned max_extents = 64;
  alignas(fiemap) std::array<std::byte, sizeof(fiemap) + max_extents * sizeof(fiemap_extent)> memory{};
  auto& map = *new (memory.data()) fiemap{};
  map.fm_length = ~0ull;
  map.fm_extent_count = max_extents;
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file || ioctl(file.get(), FS_IOC_FIEMAP, &map) != 0 || map.fm_mapped_extents == 0) return false;
  for (const auto& extent : std::span{map.fm_extents, map.fm_mapped_extents})
    if (extent.fe_flags & (FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_UNKNOWN)) return false;
  return true;
}

// The kernel by itself would take 30 s.
TEST(Recorder, what_was_recorded_reaches_the_disk_while_the_call_goes_on) {
  const voxanne::test::TempDir dir;
  struct statfs kind{};
  ASSERT_EQ(statfs(dir.path().c_str(), &kind), 0);
  if (kind.f_type == TMPFS_MAGIC) GTEST_SKIP() << "the temporary directory is on no disk";
  auto often = options(dir);
  often.sync_every = 200ms;
  SpoolWriter writer{often};
  Recorder recorder{writer, header()};
  for (std::uint64_t i = 0; i < 1'000; ++i) recorder.on_frames(frame(i, 0), frame(i, 1));
  const auto path = spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"});
  bool reached = false;
  for (int i = 0; i < 10'000 && !reached; ++i) {
    usleep(1'000);
    reached = std::filesystem::exists(path) && std::filesystem::file_size(path) > 300'000 && on_disk(path);
  }
  EXPECT_TRUE(reached);
}

// Before the first slot, between blocks, inside a block, twice in a row and at the end.
TEST(Recorder, slots_given_up_play_as_silence_and_keep_what_follows_in_its_place) {
  const voxanne::test::TempDir dir;
  async::LoopThread loop{"test"};
  SpoolWriter writer{options(dir)};
  Recorder recorder{writer, header()};
  std::uint64_t slot = 0;
  std::vector<bool> given_up;
  const auto feed = [&](int count) {
    for (int i = 0; i < count; ++i, ++slot) recorder.on_frames(frame(slot, 0), frame(slot, 1));
    given_up.resize(slot, false);
  };
  const auto skip = [&](int count) {
    recorder.on_skipped(count);
    slot += static_cast<std::uint64_t>(count);
    given_up.resize(slot, true);
  };
  skip(3);
  feed(25);
  skip(60);
  feed(7);
  skip(70'000);  // more than one record holds
  feed(40);
  skip(51);
  skip(52);
  feed(1);
  skip(80);
  const auto recording = finish(loop, recorder);
  const auto lost = static_cast<std::uint64_t>(std::count(given_up.begin(), given_up.end(), true));
  EXPECT_EQ(recording.slots, slot);
  EXPECT_EQ(recording.lost, lost);
  EXPECT_FALSE(recording.stopped);
  auto reader = SpoolReader::open(spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"}));
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->scan().value().slots, slot);
  EXPECT_EQ(reader->scan().value().lost, lost);
  SpoolReader::Slot out;
  for (std::uint64_t i = 0; i < slot; ++i) {
    ASSERT_TRUE(reader->next(out).value());
    ASSERT_EQ(out.lost, given_up[i]) << i;
    ASSERT_EQ(out.caller.samples()[0], out.lost ? 0 : mark(i, 0)) << i;
    ASSERT_EQ(out.assistant.samples()[159], out.lost ? 0 : mark(i, 1)) << i;
  }
  EXPECT_FALSE(reader->next(out).value());
}

// Kills a process that records as fast as its writers take it, at 60 different depths. What it had
// fed is in shared memory; whatever is missing was in its own memory: one block being filled and
// one waiting, together one second.
TEST(Recorder, kill_sweep_loses_at_most_a_second) {
  auto* fed = static_cast<std::atomic<std::uint64_t>*>(
      mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(fed), MAP_FAILED);
  std::uint64_t worst = 0;
  for (std::uint64_t point = 0; point < 60; ++point) {
    const voxanne::test::TempDir dir;
    new (fed) std::atomic<std::uint64_t>{0};
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      SpoolWriter writer{options(dir)};
      Recorder recorder{writer, header()};
      for (std::uint64_t i = 0;; ++i) {
        while (writer.pool().in_use() > 1 && i % 25 == 0) sched_yield();
        recorder.on_frames(frame(i, 0), frame(i, 1));
        fed->store(i + 1);
      }
    }
    while (fed->load() < 60 + point * 37) sched_yield();
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const std::uint64_t said = fed->load();
    const auto path = spool_path(dir.path(), OrgId{"demo"}, CallId{"call_1"});
    const auto lock = lock_spool(path);
    ASSERT_TRUE(lock) << lock.error().message;
    ASSERT_TRUE(lock->has_value()) << "the dead process still holds its spool";
    ASSERT_TRUE(repair_spool(path));
    const auto kept = verified_slots(path);
    ASSERT_LE(kept, said + 1);  // the slot of the kill itself may be written but not yet counted
    worst = std::max(worst, said - std::min(kept, said));
    ASSERT_LE(said - std::min(kept, said), 50u) << "killed after " << said << " slots";
  }
  RecordProperty("worst_loss_ms", static_cast<int>(worst * audio::frame_ms));
  std::printf("kill sweep: 60 kills, worst loss %d ms\n", static_cast<int>(worst * audio::frame_ms));
  munmap(fed, sizeof(std::uint64_t));
}

}  // namespace
}  // namespace voxanne::recordings
