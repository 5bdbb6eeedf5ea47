// The threads that write spool files: each call's blocks go to one of a few threads, in order.
//
//   Recorder (media shard) ── Block ──▶ lane's queue ──▶ thread ── write() ──▶ SPOOL/ORG/CALL.spool
//
// A block is written 520 ms after its first slot at the latest and is then the kernel's, so that
// killing the process loses at most that and what a busy disk makes wait. A thread of its own syncs
// the spool's file system every 400 ms while anything is recorded, all files at once, and each file is
// synced when its recording ends: a power cut loses about a second. A disk that syncs slowly is left
// half of the time to others, and then a power cut loses twice what a sync takes. The same thread tries
// every second whether the disk can be written.
//
// Lifecycle: made before the first call; stop() after the last recorder finished writes what is
// queued and joins. Loops of awaiting recorders outlive it.
#pragma once

#include "recordings/block_pool.h"
#include "recordings/spool_file.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace voxanne::recordings {

// One recording's state that its recorder and its writer thread share.
struct Track {
  SpoolHeader header;
  std::filesystem::path path;

  // Writer thread only, until `closed` was called.
  enum class File { unopened, open, ended } state = File::unopened;
  Descriptor file;
  std::uint64_t bytes = 0;
  std::uint64_t slots = 0, lost = 0;

  // Why the recording ended before its call; set before `stopped`.
  std::optional<Error> error;
  std::atomic<bool> stopped{false};
  // Set before the closing block is queued.
  std::function<void()> closed;
};

class SpoolWriter {
 public:
  struct Options {
    std::filesystem::path spool;
    unsigned threads = 2;
    std::size_t memory_bytes = 64 << 20;  // 1,000 calls use 8 MB; the rest rides out a stalled disk
    // A thread that was woken waits for more to write: at 1,000 calls it is then woken 50 times a
    // second and not 2,000, which saves a quarter of the whole cost.
    milliseconds gather{20};
    std::uint64_t min_free_bytes = 256 << 20;  // below this floor calls go on unrecorded
    milliseconds sync_every{400};              // 0: only when a recording ends
  };
  explicit SpoolWriter(Options options);
  ~SpoolWriter();
  SpoolWriter(const SpoolWriter&) = delete;
  SpoolWriter& operator=(const SpoolWriter&) = delete;

  void stop();
  // Whether a recording could be written a moment ago: disk_low, disk_full, spool_write_failed,
  // disk_hangs. Any thread; does not block.
  Result<> health() const;

  // For Recorder.
  BlockPool& pool() noexcept { return pool_; }
  const Options& options() const noexcept { return options_; }
  std::size_t choose_lane() noexcept { return next_lane_++ % lanes_.size(); }
  void submit(std::size_t lane, Block* block);

 private:
  class Lane;
  class Disk;

  Options options_;
  BlockPool pool_;
  std::unique_ptr<Disk> disk_;
  std::atomic<std::size_t> next_lane_{0};
  std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace voxanne::recordings
