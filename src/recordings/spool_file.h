// Spool files on disk: SPOOL/ORG/CALL.spool, mode 0600. The process that writes one holds it by
// flock, which the kernel lets go of when that process dies by whatever means: a spool file that
// can be locked is held by no living process.
//
// Everything here blocks on files: workers only.
#pragma once

#include "recordings/descriptor.h"
#include "recordings/spool.h"

#include <filesystem>
#include <vector>

namespace voxanne::recordings {

std::filesystem::path spool_path(const std::filesystem::path& spool, const OrgId& org, const CallId& call);

struct SpoolListing {
  struct Spooled {
    OrgId org;
    CallId call;
    std::filesystem::path path;
  };
  std::vector<Spooled> spooled;
  std::vector<std::filesystem::path>
      strays;  // that were being created, or encoded; their source may be there
};
// What cannot be listed is left out.
SpoolListing list_spool(const std::filesystem::path& spool);

// Creates, locks and gives a header to a new spool file; it appears under its name only when it is
// whole. Errors: conflict (spool_exists), unavailable (spool_write_failed).
Result<Descriptor> create_spool(const std::filesystem::path& path, const SpoolHeader& header);

// Locks an existing spool file, or nothing when a living process holds it.
// Errors: not_found (spool_missing), unavailable (spool_read_failed).
Result<std::optional<Descriptor>> lock_spool(const std::filesystem::path& path);

// Reads a spool file slot by slot. What is damaged plays as lost slots, as many as are missing, and reading
// goes on with the next whole record; where none follows, the file is torn and ends. A disk that cannot be
// read is no end: whatever reads answers unavailable (spool_read_failed), and what was read is not all there
// is.
class SpoolReader {
 public:
  struct Slot {
    audio::Frame caller, assistant;
    bool lost = false;
  };
  struct Summary {
    std::uint64_t slots = 0;
    std::uint64_t lost = 0;     // of these
    std::uint64_t damaged = 0;  // of the lost: those that had been recorded
    std::uint64_t damaged_bytes = 0;
    std::uint64_t valid_bytes = 0;  // where the last whole record ends
    std::uint64_t file_bytes = 0;
    double seconds() const { return static_cast<double>(slots) * audio::frame_ms / 1000.0; }
  };

  // Errors: not_found (spool_missing), malformed (spool_corrupt), unavailable (spool_read_failed).
  static Result<SpoolReader> open(const std::filesystem::path& path);

  const SpoolHeader& header() const noexcept { return header_; }
  // False behind the last whole record.
  Result<bool> next(Slot& out);
  // Reads to the end without decoding, then starts over; remembers where each second begins, so
  // that seek() is cheap from then on.
  Result<Summary> scan();
  // The next slot read is number `slot`. After scan() only.
  Result<> seek(std::uint64_t slot);

 private:
  struct Mark {
    std::uint64_t slot, offset;
    std::uint64_t missing;  // from `slot` on; `offset` is where the slot after them is
  };

  SpoolReader(Descriptor file, SpoolHeader header, std::uint64_t first_record);
  Result<std::optional<Record>> advance();
  Result<bool> fill();
  void take(std::uint64_t bytes);
  void restart(const Mark& from);

  Descriptor file_;
  SpoolHeader header_;
  std::uint64_t first_record_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what is unread in the buffer
  std::uint64_t offset_ = 0;         // of buffer_[begin_] in the file
  std::uint64_t slots_ = 0;          // before it
  Record::Kind run_kind_ = Record::Kind::silence;
  std::uint64_t run_left_ = 0;
  std::vector<Mark> marks_;
};

// Cuts off what follows the last whole record and returns what is left; damage before it stays as it is.
// Needs the lock. Errors: those of SpoolReader, and then nothing is cut; unavailable (spool_write_failed).
Result<SpoolReader::Summary> repair_spool(const std::filesystem::path& path);

}  // namespace voxanne::recordings
