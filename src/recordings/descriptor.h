// Files, as the kernel gives them. Blocking: workers only.
#pragma once

#include "base/result.h"

#include <filesystem>
#include <string>
#include <utility>

namespace voxanne::recordings {

// An open descriptor, closed (and its lock let go) when destroyed.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { close(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void close() noexcept;

 private:
  int fd_ = -1;
};

// The error of a failed system call: not_found for ENOENT, else unavailable. `what` says which step.
Error file_error(std::string code, const std::string& what, int error_number);

// Makes created, renamed and removed entries durable; false with errno.
bool sync_directory(const std::filesystem::path& directory);

}  // namespace voxanne::recordings
