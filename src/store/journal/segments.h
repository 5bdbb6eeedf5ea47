// The journal's files: DIRECTORY/NNNNNN.journal, mode 0600, append-only segments of frames, read from
// the oldest on and removed once all of their frames are done.
//
//   open() ─▶ append(payloads)          durable when it answers
//        └──▶ read() … done(n)          the oldest that were not read yet; the oldest n are done with
//
// A segment's torn end is cut off by open(). What is damaged elsewhere is copied to
// DIRECTORY/NNNNNN-OFFSET.bad and logged; what its reader cannot use goes to DIRECTORY/refused.bad by
// set_aside(). Neither is ever removed by the program.
//
// Everything blocks on files: one thread at a time, a worker's. The directory is the owner's alone (it
// holds the lock of the data directory).
#pragma once

#include "base/result.h"
#include "store/journal/frame.h"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::store {

class Segments {
 public:
  struct Options {
    std::filesystem::path directory;
    std::string database;  // whose batches these are
    std::size_t segment_bytes = 8u << 20;
    std::uint64_t max_bytes = 1u << 30;
    // Told before each step that may be a process's last; for tests that kill it there.
    std::function<void(std::string_view step)> before{};
  };

  // Makes the directory (0700) where there is none. Errors: unavailable (journal_io_error), conflict
  // (journal_of_other_database).
  static Result<Segments> open(Options options);
  Segments(Segments&&) noexcept;
  ~Segments();

  // All of them or none. Errors: unavailable (disk_full, journal_full, journal_io_error); then it is
  // unknown whether a reader after a restart finds them.
  Result<> append(std::span<const std::string> payloads);

  // The frames of the oldest segment that were not read yet; none: everything has been read.
  Result<std::vector<std::string>> read();
  // The oldest `frames` of those read are done with.
  void done(std::size_t frames);
  // Keeps what cannot be used, for a person to look at.
  void set_aside(std::string_view payload);

  std::size_t pending() const noexcept { return pending_; }  // frames that are not done

 private:
  struct Segment {
    int number = 0;
    std::uint64_t bytes = 0;      // whole frames end here
    std::uint64_t read = 0;       // read() got this far
    std::size_t outstanding = 0;  // read, not done
    std::size_t unread = 0;
  };

  explicit Segments(Options options);
  void step(std::string_view name) const;
  std::filesystem::path path_of(int number) const;
  Result<> scan(int number);
  Result<> begin_segment();
  void end_segment();
  Result<> write(std::string_view bytes);
  void keep_damaged(int number, std::uint64_t offset, std::string_view bytes) const;
  void remove_finished();
  std::uint64_t total_bytes() const;

  Options options_;
  std::deque<Segment> segments_;  // oldest first
  std::size_t pending_ = 0;
  int next_number_ = 1;
  int active_ = -1;  // the descriptor of the last segment while it is appended to
};

// Whether a process left something in the directory; it need not exist.
bool holds_segments(const std::filesystem::path& directory);

}  // namespace voxanne::store
