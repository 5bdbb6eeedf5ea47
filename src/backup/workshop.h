// FILE.partial, a directory for its owner alone, in which a backup is made: whatever others make there
// (SQLite by the umask) is nobody's to read. Held by one process; empty when it is given, whatever a killed
// one left; gone when it is destroyed. Blocks.
#pragma once

#include "base/descriptor.h"
#include "base/result.h"

#include <filesystem>

namespace voxanne::backup {

class Workshop {
 public:
  // Errors: conflict (backup_running), unavailable (backup_write_failed).
  static Result<Workshop> claim(const std::filesystem::path& file);
  Workshop(Workshop&&) = default;
  Workshop& operator=(Workshop&&) = delete;
  ~Workshop();

  std::filesystem::path archive() const;
  std::filesystem::path database() const;
  // A file without a name, which goes with this process; once.
  Result<Descriptor> scratch() const;

 private:
  explicit Workshop(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path scratch_path() const;
  Error failed(const char* what) const;
  void empty();

  std::filesystem::path path_;
  Descriptor held_;
};

}  // namespace voxanne::backup
