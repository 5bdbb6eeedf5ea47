// A certificate for localhost that vouches for itself, and its key, as PEM files: DIRECTORY/NAME.crt, .key.
// Valid until whenever the test wants, also on a virtual clock.
#pragma once

#include "base/time.h"

#include <filesystem>
#include <string>

namespace voxanne::test {

struct Certificate {
  std::filesystem::path certificate, key;
};

Certificate make_certificate(const std::filesystem::path& directory, const std::string& name, UtcTime until);

}  // namespace voxanne::test
