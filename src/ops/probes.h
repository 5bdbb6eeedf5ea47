// Probes of the machine: they block, so they run on a pool of their own. Each answers what is wrong and
// how to mend it.
#pragma once

#include "base/result.h"

#include <filesystem>

namespace voxanne::ops {

// A file can be written there: made, filled, closed and removed. The directory is not made: where it should
// be there it is not for a probe to put another in its place. Errors: unavailable (directory_missing,
// not_a_directory, disk_full, read_only, not_writable).
Result<> probe_directory(const std::filesystem::path& directory);

}  // namespace voxanne::ops
