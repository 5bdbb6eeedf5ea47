#include "store/journal/reserve_file.h"

#include "base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <utility>

namespace voxanne::store {

bool ReserveFile::held() const {
  const std::lock_guard lock{mutex_};
  return held_;
}

bool ReserveFile::is_whole() const {
  struct stat found{};
  return ::stat(path_.c_str(), &found) == 0 && std::uint64_t(found.st_size) >= bytes_ &&
         std::uint64_t(found.st_blocks) * 512 >= bytes_;
}

bool ReserveFile::make() {
  const std::lock_guard lock{mutex_};
  if (held_ && is_whole()) return true;
  held_ = false;
  if (is_whole()) return held_ = true;
  struct statvfs disk{};
  if (::statvfs(path_.parent_path().c_str(), &disk) != 0) return false;
  // What is left beside it must not be full again at once.
  if (std::uint64_t{disk.f_bavail} * disk.f_frsize < 3 * bytes_) return false;
  const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const int error = ::posix_fallocate(file, 0, static_cast<off_t>(bytes_));
  ::close(file);
  if (error != 0) {
    ::unlink(path_.c_str());
    return false;
  }
  held_ = true;
  log::info("disk.reserve_made", {{"bytes", bytes_}});
  return true;
}

void ReserveFile::release() {
  const std::lock_guard lock{mutex_};
  if (::unlink(path_.c_str()) == 0)
    log::warning("disk.reserve_released", {{"bytes", bytes_}, {"why", "the disk is full: free some space"}});
  held_ = false;
}

}  // namespace voxanne::store
