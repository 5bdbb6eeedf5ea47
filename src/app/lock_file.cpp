#include "app/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace voxanne::app {

Result<LockFile> LockFile::acquire(const std::filesystem::path& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return unavailable("data_dir_unusable", "cannot open " + path.string() + ": " + std::strerror(errno));
  LockFile lock{descriptor};
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
    return Error{Fault::conflict, "data_dir_in_use",
                 "another Voxanne uses the data directory " + path.parent_path().string() +
                     "; stop it, or set DATA_DIR to another directory"};
  return lock;
}

LockFile::~LockFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace voxanne::app
