#include "backup/workshop.h"

#include "backup/names.h"
#include "recordings/descriptor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace voxanne::backup {
namespace fs = std::filesystem;

Result<Workshop> Workshop::claim(const fs::path& file) {
  Workshop shop{fs::path{file.string() + ".partial"}};
  const bool made = ::mkdir(shop.path_.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return shop.failed("cannot be made");
  shop.held_ = Descriptor{::open(shop.path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!shop.held_) return shop.failed("is in the way");
  if (::flock(shop.held_.get(), LOCK_EX | LOCK_NB) != 0) {
    shop.held_.close();
    return Error{Fault::conflict, "backup_running", "another backup to " + file.string() + " is being made"};
  }
  // Refused where it is another user's.
  if (::fchmod(shop.held_.get(), 0700) != 0) {
    const auto error = shop.failed("is in the way");
    shop.held_.close();
    return error;
  }
  shop.empty();
  return shop;
}

Workshop::~Workshop() {
  if (!held_) return;
  empty();
  ::rmdir(path_.c_str());
}

fs::path Workshop::archive() const { return path_ / "archive.tar"; }
fs::path Workshop::database() const { return path_ / database_name; }
fs::path Workshop::scratch_path() const { return path_ / "recording"; }

Result<Descriptor> Workshop::scratch() const {
  Descriptor file{::open(scratch_path().c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file || ::unlink(scratch_path().c_str()) != 0) return failed("cannot be written");
  return file;
}

Error Workshop::failed(const char* what) const {
  return recordings::file_error("backup_write_failed", path_.string() + " " + what, errno);
}

// Its own files only, should somebody have a directory of that name.
void Workshop::empty() {
  const auto copy = database().string();
  for (const auto& file : {archive().string(), copy, copy + "-journal", scratch_path().string()})
    ::unlink(file.c_str());
}

}  // namespace voxanne::backup
