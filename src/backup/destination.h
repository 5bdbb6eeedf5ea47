// Where a restore goes. Nothing that it would overwrite may be there before, and what an interrupted one left
// is removed only by the next one to the same places: DATA_DIR/.restoring notes them, from before the first
// thing is put in its place until after the last.
//
//   database=/var/lib/voxanne/voxanne.db
//   secret=yes                               whether secret.key is restored
//
// Owner: a restore, which holds the lock of the data directory. Blocks: workers and commands only.
#pragma once

#include "backup/backup.h"

namespace voxanne::backup {

class Destination {
 public:
  Destination(Places to, bool secret);

  // Whether a restore began here and has not ended.
  bool begun() const { return restore_is_unfinished(to_.data_dir); }
  // Whether one may go here. Touches nothing. Errors: conflict (restore_would_overwrite; restore_elsewhere:
  // the one that was interrupted went to other places), unavailable (restore_note_unreadable).
  Result<> check() const;
  // Removes what an interrupted one left, notes the places and makes an empty unpacked(). Errors, also of
  // end(): unavailable (restore_write_failed).
  Result<> begin() const;
  Result<> end() const;

  // The directory in which all of it lies until each part is put in its place.
  std::filesystem::path unpacked() const { return to_.data_dir / ".unpacked"; }

 private:
  Result<> check_begun() const;
  Result<> clear() const;
  Result<> note() const;
  Error elsewhere(const std::string& noted) const;
  std::vector<std::filesystem::path> database_files() const;
  std::vector<std::filesystem::path> unsure_files() const;

  const Places to_;
  const bool secret_;
  const std::filesystem::path marker_;
  const std::string note_;
};

// Of what is there already and would be overwritten, in words.
Error in_the_way(const std::vector<std::string>& what);

}  // namespace voxanne::backup
