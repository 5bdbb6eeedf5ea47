// A tar file, written and read in order, which any other tar can open. The only user of libarchive. Blocks:
// workers and commands only.
#pragma once

#include "base/result.h"
#include "base/secret.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

struct archive;

namespace voxanne::backup {

class ArchiveWriter {
 public:
  // A new file, mode 0600. Errors: unavailable (backup_write_failed).
  static Result<ArchiveWriter> create(const std::filesystem::path& path);
  ArchiveWriter(ArchiveWriter&& other) noexcept;
  ArchiveWriter& operator=(ArchiveWriter&&) = delete;
  ~ArchiveWriter();

  // An entry of so many bytes, which the write()s after it fill exactly.
  Result<> begin(const std::string& name, std::uint64_t size);
  Result<> write(std::string_view bytes);
  Result<> add(const std::string& name, std::string_view content);
  // Up to `size` bytes of a file as it is now, however it grows meanwhile.
  Result<> add_file(const std::string& name, int fd, std::uint64_t size);
  // Of all names and contents so far; once. How many there are.
  std::string checksum();
  std::int64_t entries() const noexcept { return entries_; }
  // Durable when it answers.
  Result<> finish();

 private:
  explicit ArchiveWriter(int fd) : fd_(fd) {}
  Error failed(const char* what) const;

  int fd_ = -1;
  archive* archive_ = nullptr;
  Sha256 hash_;
  std::int64_t entries_ = 0;
};

class ArchiveReader {
 public:
  // Errors: not_found (backup_missing), malformed (backup_unreadable).
  static Result<ArchiveReader> open(const std::filesystem::path& path);
  ArchiveReader(ArchiveReader&& other) noexcept;
  ArchiveReader& operator=(ArchiveReader&&) = delete;
  ~ArchiveReader();

  struct Entry {
    std::string name;
    std::uint64_t size = 0;
    bool regular = false;
  };
  // Nullopt at the end.
  Result<std::optional<Entry>> next();
  // The content of the entry that next() told of, piece by piece; counted into checksum().
  using Visit = std::function<Result<>(std::string_view)>;
  Result<> read(const std::string& name, std::uint64_t size, const Visit& visit);
  std::string checksum();  // of what was read; once

 private:
  ArchiveReader() = default;
  Error failed(const char* what) const;

  archive* archive_ = nullptr;
  Sha256 hash_;
};

}  // namespace voxanne::backup
