#include "recordings/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace voxanne::recordings {

Error file_error(std::string code, const std::string& what, int error_number) {
  return {error_number == ENOENT ? Fault::not_found : Fault::unavailable, std::move(code),
          what + ": " + std::generic_category().message(error_number)};
}

bool sync_directory(const std::filesystem::path& directory) {
  const Descriptor opened{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return opened && ::fsync(opened.get()) == 0;
}

bool make_directories(const std::filesystem::path& directory) {
  const auto parent = directory.parent_path();
  std::error_code none;
  if (parent != directory && !parent.empty() && !std::filesystem::exists(parent, none))
    if (!make_directories(parent)) return false;
  if (::mkdir(directory.c_str(), 0700) == 0) return sync_directory(parent);
  return errno == EEXIST;
}

}  // namespace voxanne::recordings
