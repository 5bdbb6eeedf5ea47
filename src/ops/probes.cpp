#include "ops/probes.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace voxanne::ops {
namespace {

Error not_writable(const std::filesystem::path& directory, int number) {
  const std::string where = directory.string();
  switch (number) {
    case ENOENT:
      return unavailable("directory_missing",
                         "the directory " + where + " is not there; mount it or make it");
    case ENOTDIR:
      return unavailable("not_a_directory", "something else is in the place of the directory " + where);
    case ENOSPC:
    case EDQUOT:
      return unavailable("disk_full", "no space is left for " + where + "; free some");
    case EROFS:
      return unavailable("read_only", where + " is mounted read-only; look at the disk's own errors");
    default:
      return unavailable("not_writable", where + " cannot be written: " + std::strerror(number));
  }
}

}  // namespace

Result<> probe_directory(const std::filesystem::path& directory) {
  const auto file = directory / (".health-" + std::to_string(getpid()));
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return not_writable(directory, errno);
  static constexpr std::array<char, 4'096> block{};
  const auto written = ::write(fd, block.data(), block.size());
  int failed = written == std::ptrdiff_t(block.size()) ? 0 : written < 0 ? errno : ENOSPC;
  if (::close(fd) != 0 && failed == 0) failed = errno;
  ::unlink(file.c_str());
  if (failed != 0) return not_writable(directory, failed);
  return {};
}

}  // namespace voxanne::ops
