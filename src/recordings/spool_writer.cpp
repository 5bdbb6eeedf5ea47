#include "recordings/spool_writer.h"

#include "async/priority.h"
#include "async/thread.h"
#include "base/log.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

namespace voxanne::recordings {
namespace {

constexpr seconds between_space_checks{1};

Error write_error(const char* what, int error_number) {
  return {Fault::unavailable, error_number == ENOSPC ? "disk_full" : "spool_write_failed",
          file_error("", what, error_number).message};
}

void stop_track(Track& track, Error error) {
  log::warning("recording.stopped", {{"callId", track.header.call.str()},
                                     {"orgId", track.header.org.str()},
                                     {"code", error.code},
                                     {"error", error.message},
                                     {"slotsKept", track.slots}});
  track.state = Track::File::ended;
  track.error = std::move(error);
  track.stopped.store(true, std::memory_order_release);
}

// Nothing or an error; what a failed write left behind is cut off again, so that the file ends in a
// whole record (a reader would also find it).
std::optional<Error> write_block(Track& track, const Block& block) {
  std::size_t done = 0;
  while (done < block.used) {
    const ssize_t wrote = ::write(track.file.get(), block.bytes.data() + done, block.used - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      Error error = write_error("the recording cannot be written", errno);
      static_cast<void>(ftruncate(track.file.get(), static_cast<off_t>(track.bytes)));
      return error;
    }
    done += static_cast<std::size_t>(wrote);
  }
  track.bytes += block.used;
  track.slots += block.slots;
  track.lost += block.lost;
  return std::nullopt;
}

bool has_space(const SpoolWriter::Options& options) {
  struct statvfs status{};
  // A spool that cannot be asked is tried: the write itself will tell.
  if (statvfs(options.spool.c_str(), &status) != 0) return true;
  return std::uint64_t{status.f_bavail} * status.f_frsize >= options.min_free_bytes;
}

Error no_space(const SpoolWriter::Options& options) {
  return unavailable("disk_low", "less than " + std::to_string(options.min_free_bytes >> 20) +
                                     " MiB are free where recordings are spooled; free some space");
}

}  // namespace

// Looks every second whether a recording could be written and syncs what was: one sync of a whole
// file system costs less than one for each of a thousand files.
class SpoolWriter::Disk {
 public:
  explicit Disk(const Options& options)
      : options_(options),
        directory_{::open(options.spool.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)},
        probe_path_(options.spool / ".probe"),
        checked_(std::chrono::steady_clock::now()),
        thread_([this] {
          async::prepare_thread("spool-disk", 10);
          serve();
        }) {}
  ~Disk() { stop(); }

  // Any lane.
  void written() { dirty_.store(true, std::memory_order_relaxed); }

  Result<> health() {
    const std::lock_guard lock{mutex_};
    if (std::chrono::steady_clock::now() - checked_ > hung_after)
      return unavailable("disk_hangs", "the disk where recordings are spooled has not answered for 30 s");
    return state_;
  }

  void stop() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

 private:
  static constexpr seconds hung_after{30};

  void serve() {
    const bool syncs = options_.sync_every > 0ms;
    SteadyTime try_at{}, sync_at = std::chrono::steady_clock::now() + options_.sync_every;
    std::unique_lock lock{mutex_};
    do {
      lock.unlock();
      if (const auto now = std::chrono::steady_clock::now(); now >= try_at) {
        try_at = now + between_space_checks;
        Result<> state = try_writing();
        const std::lock_guard told{mutex_};
        state_ = std::move(state);
      }
      if (const auto began = std::chrono::steady_clock::now(); syncs && began >= sync_at) {
        sync();
        const auto took = std::chrono::steady_clock::now() - began;
        sync_at = began + std::max<SteadyTime::duration>(options_.sync_every, 2 * took);
      }
      lock.lock();
      checked_ = std::chrono::steady_clock::now();
    } while (
        !wake_.wait_until(lock, syncs ? std::min(try_at, sync_at) : try_at, [this] { return stopping_; }));
  }

  Result<> try_writing() const {
    if (!has_space(options_)) return no_space(options_);
    const Descriptor file{::open(probe_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!file) return write_error("the spool cannot be written", errno);
    static constexpr std::array<char, 4'096> page{};
    const bool written = ::write(file.get(), page.data(), page.size()) == ssize_t{page.size()};
    const int error_number = written ? 0 : errno;
    ::unlink(probe_path_.c_str());
    return written ? Result<>{} : write_error("the spool cannot be written", error_number);
  }

  void sync() {
    if (!directory_ || !dirty_.exchange(false, std::memory_order_relaxed)) return;
    const bool done = syncfs(directory_.get()) == 0;
    if (!done && !failing_) log::error("recording.sync_failed", {{"error", std::strerror(errno)}});
    failing_ = !done;
  }

  const Options& options_;
  const Descriptor directory_;
  const std::filesystem::path probe_path_;
  std::atomic<bool> dirty_{false};
  bool failing_ = false;
  std::mutex mutex_;  // the following
  std::condition_variable wake_;
  bool stopping_ = false;
  Result<> state_;
  SteadyTime checked_;
  std::thread thread_;
};

class SpoolWriter::Lane {
 public:
  Lane(const Options& options, BlockPool& pool, Disk& disk, std::string name)
      : options_(options), pool_(pool), disk_(disk), thread_([this, name = std::move(name)] {
          // Not niced: at nice 10 a busy machine starves it, and then slots are lost.
          async::prepare_thread(name, 0);
          async::run_in_real_time(async::RealTime::recording);
          serve();
        }) {}
  ~Lane() { stop(); }

  void submit(Block* block) {
    bool was_idle;
    {
      const std::lock_guard lock{mutex_};
      was_idle = !first_;
      *(first_ ? &last_->next : &first_) = block;
      last_ = block;
    }
    if (was_idle) wake_.post();
  }

  void stop() {
    {
      const std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    wake_.post();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void serve() {
    for (;;) {
      Block* list;
      bool stopping;
      {
        const std::lock_guard lock{mutex_};
        list = std::exchange(first_, nullptr);
        stopping = stopping_;
      }
      if (!list) {
        if (stopping) return;
        wake_.wait();
        std::this_thread::sleep_for(options_.gather);
        continue;
      }
      while (list) {
        Block* const block = std::exchange(list, list->next);
        block->next = nullptr;
        handle(*block);
        pool_.give_back(block);
      }
    }
  }

  void handle(const Block& block) {
    Track& track = *block.track;
    if (track.state == Track::File::unopened) open(track);
    if (track.state == Track::File::open && block.used > 0) write(track, block);
    if (block.closing) close(track);
  }

  void open(Track& track) {
    if (is_low()) return stop_track(track, no_space(options_));
    auto file = create_spool(track.path, track.header);
    if (!file) return stop_track(track, std::move(file).error());
    track.file = std::move(*file);
    const off_t end = lseek(track.file.get(), 0, SEEK_END);
    track.bytes = end < 0 ? 0 : static_cast<std::uint64_t>(end);
    track.state = Track::File::open;
  }

  void write(Track& track, const Block& block) {
    if (is_low()) return stop_track(track, no_space(options_));
    if (auto error = write_block(track, block)) return stop_track(track, std::move(*error));
    disk_.written();
  }

  void close(Track& track) {
    if (track.file && fdatasync(track.file.get()) != 0 && track.state == Track::File::open)
      stop_track(track, write_error("the recording cannot be synced", errno));
    // Nobody spoke and nobody was spoken to: there is nothing to keep.
    if (track.state == Track::File::open && track.slots == 0) ::unlink(track.path.c_str());
    track.file.close();
    track.state = Track::File::ended;
    if (track.closed) std::exchange(track.closed, nullptr)();
  }

  bool is_low() {
    const auto now = std::chrono::steady_clock::now();
    if (now - looked_ < between_space_checks) return low_;
    looked_ = now;
    return low_ = !has_space(options_);
  }

  const Options& options_;
  BlockPool& pool_;
  Disk& disk_;
  async::Mutex mutex_;
  async::Semaphore wake_;
  Block* first_ = nullptr;
  Block* last_ = nullptr;
  bool stopping_ = false;
  SteadyTime looked_{};
  bool low_ = false;
  std::thread thread_;
};

SpoolWriter::SpoolWriter(Options options) : options_(std::move(options)), pool_(options_.memory_bytes) {
  std::error_code ignored;  // each recording will say what is wrong
  std::filesystem::create_directories(options_.spool, ignored);
  disk_ = std::make_unique<Disk>(options_);
  for (unsigned i = 0; i < options_.threads; ++i)
    lanes_.push_back(std::make_unique<Lane>(options_, pool_, *disk_, "spool-" + std::to_string(i)));
}

SpoolWriter::~SpoolWriter() { stop(); }

void SpoolWriter::stop() {
  for (const auto& lane : lanes_) lane->stop();
  disk_->stop();
}

Result<> SpoolWriter::health() const { return disk_->health(); }

void SpoolWriter::submit(std::size_t lane, Block* block) { lanes_[lane]->submit(block); }

}  // namespace voxanne::recordings
