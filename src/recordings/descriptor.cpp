#include "recordings/descriptor.h"

#include <fcntl.h>
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

}  // namespace voxanne::recordings
