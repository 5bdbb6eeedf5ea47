// Probes of the machine: they block, so they run on a pool of their own. Each answers what is wrong and
// how to mend it.
#pragma once

#include "base/result.h"

#include <filesystem>

namespace voxanne::ops {

// A file can be written there: made, filled, closed and removed; so can the directory, if it is not there
// yet, as who writes there makes it. Errors: unavailable (not_a_directory, disk_full, read_only,
// not_writable).
Result<> probe_directory(const std::filesystem::path& directory);

}  // namespace voxanne::ops
