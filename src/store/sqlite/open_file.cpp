#include "store/sqlite/open_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace voxanne::store {
namespace {

Error denied(const std::string& what) {
  return unavailable("database_permission_denied",
                     what + " may not be read and written by this user: change its owner or mode");
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<> prepare_file(const std::string& path) {
  const std::string directory = directory_of(path);
  struct stat found{};
  if (stat(directory.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
    return unavailable("database_directory_missing",
                       directory + " is not a directory: create it, or set DATA_DIR or DATABASE_URL");
  // The journal lies beside the database, so the directory has to be writable too.
  if (access(directory.c_str(), R_OK | W_OK | X_OK) != 0) return denied(directory);

  // This descriptor is closed before SQLite opens the file: closing one later would drop its locks.
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    const int error = errno;
    if (error == EISDIR)
      return unavailable("database_is_directory", path + " is a directory: name a file in it");
    if (error == EACCES || error == EPERM || error == EROFS) return denied(path);
    if (error == ENOSPC || error == EDQUOT)
      return unavailable("disk_full", directory + " has no space left for a database: free some");
    return unavailable("database_cannot_open", path + " cannot be opened: " + std::strerror(error));
  }
  char start[16] = {};
  const ssize_t length = pread(file, start, sizeof start, 0);
  close(file);
  // https://www.sqlite.org/fileformat.html §1.3; the terminating zero belongs to it.
  static constexpr std::string_view magic{"SQLite format 3\0", 16};
  if (length != 0 && std::string_view{start, static_cast<std::size_t>(length < 0 ? 0 : length)} != magic)
    return unavailable("database_not_sqlite",
                       path + " is not an SQLite database: move it away, or name another file");
  return {};
}

}  // namespace voxanne::store
