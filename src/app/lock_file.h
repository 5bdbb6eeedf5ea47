// One process per data directory: two would recover each other's live calls.
#pragma once

#include "base/result.h"

#include <filesystem>
#include <utility>

namespace voxanne::app {

class LockFile {
 public:
  // Errors: conflict (data_dir_in_use), unavailable (data_dir_unusable). The kernel lets go of the
  // lock when the process ends, by whatever means.
  static Result<LockFile> acquire(const std::filesystem::path& path);
  LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  LockFile& operator=(LockFile&&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace voxanne::app
