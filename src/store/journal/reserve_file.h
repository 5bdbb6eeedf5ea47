// Disk space kept in reserve: a preallocated file that is given up when the disk is full, so that the
// database and the journal stay writable while recordings have long stopped at their floor, and that is
// made again when there is space for it.
//
// Any thread; blocks on files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>

namespace voxanne::store {

class ReserveFile {
 public:
  ReserveFile(std::filesystem::path path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  // Preallocates the file, unless it is there or the disk has less than three times as much to spare.
  // True when it is there.
  bool make();
  // Gives the space back to the disk.
  void release();
  bool held() const;

 private:
  bool is_whole() const;

  const std::filesystem::path path_;
  const std::uint64_t bytes_;
  mutable std::mutex mutex_;
  bool held_ = false;
};

}  // namespace voxanne::store
