#include "recordings/spool_writer.h"

#include "async/thread.h"
#include "base/log.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace voxanne::recordings {
namespace {

constexpr std::uint64_t bytes_between_space_checks = 4 << 20;

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

}  // namespace

class SpoolWriter::Lane {
 public:
  Lane(const Options& options, BlockPool& pool, std::string name)
      : options_(options), pool_(pool), thread_([this, name = std::move(name)] {
          async::prepare_thread(name, 10);
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
    if (was_idle) wake_.notify_one();
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
  void serve() {
    for (;;) {
      Block* list;
      {
        std::unique_lock lock{mutex_};
        wake_.wait(lock, [this] { return stopping_ || first_; });
        if (!first_) return;
        if (!stopping_) {
          lock.unlock();
          std::this_thread::sleep_for(options_.gather);
          lock.lock();
        }
        list = std::exchange(first_, nullptr);
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
    if (!has_space()) return stop_track(track, no_space());
    auto file = create_spool(track.path, track.header);
    if (!file) return stop_track(track, std::move(file).error());
    track.file = std::move(*file);
    const off_t end = lseek(track.file.get(), 0, SEEK_END);
    track.bytes = end < 0 ? 0 : static_cast<std::uint64_t>(end);
    track.state = Track::File::open;
  }

  void write(Track& track, const Block& block) {
    unchecked_ += block.used;
    if (unchecked_ >= bytes_between_space_checks) {
      unchecked_ = 0;
      low_ = !has_space();
    }
    if (low_) return stop_track(track, no_space());
    if (auto error = write_block(track, block)) stop_track(track, std::move(*error));
  }

  void close(Track& track) {
    if (track.file && fdatasync(track.file.get()) != 0 && track.state == Track::File::open)
      stop_track(track, write_error("the recording cannot be synced", errno));
    track.file.close();
    track.state = Track::File::ended;
    if (track.closed) std::exchange(track.closed, nullptr)();
  }

  bool has_space() {
    struct statvfs status{};
    // A spool that cannot be asked is tried: the write itself will tell.
    if (statvfs(options_.spool.c_str(), &status) != 0) return true;
    low_ = std::uint64_t{status.f_bavail} * status.f_frsize < options_.min_free_bytes;
    return !low_;
  }
  Error no_space() const {
    return unavailable("disk_low", "less than " + std::to_string(options_.min_free_bytes >> 20) +
                                       " MiB are free where recordings are spooled; free some space");
  }

  const Options& options_;
  BlockPool& pool_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Block* first_ = nullptr;
  Block* last_ = nullptr;
  bool stopping_ = false;
  std::uint64_t unchecked_ = 0;
  bool low_ = false;
  std::thread thread_;
};

SpoolWriter::SpoolWriter(Options options) : options_(std::move(options)), pool_(options_.memory_bytes) {
  std::error_code ignored;  // each recording will say what is wrong
  std::filesystem::create_directories(options_.spool, ignored);
  for (unsigned i = 0; i < options_.threads; ++i)
    lanes_.push_back(std::make_unique<Lane>(options_, pool_, "spool-" + std::to_string(i)));
}

SpoolWriter::~SpoolWriter() { stop(); }

void SpoolWriter::stop() {
  for (const auto& lane : lanes_) lane->stop();
}

void SpoolWriter::submit(std::size_t lane, Block* block) { lanes_[lane]->submit(block); }

}  // namespace voxanne::recordings
