// Files, as the kernel gives them. Blocking: workers only.
#pragma once

#include "base/descriptor.h"
#include "base/result.h"

#include <filesystem>
#include <string>

namespace voxanne::recordings {

// The error of a failed system call: not_found for ENOENT, else unavailable. `what` says which step.
Error file_error(std::string code, const std::string& what, int error_number);

// Makes created, renamed and removed entries durable; false with errno.
bool sync_directory(const std::filesystem::path& directory);

// Makes what is missing of it, for its owner alone, and each entry durable; false with errno.
bool make_directories(const std::filesystem::path& directory);

}  // namespace voxanne::recordings
