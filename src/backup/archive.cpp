#include "backup/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace voxanne::backup {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

void count_entry(Sha256& hash, const std::string& name, std::uint64_t size) {
  hash.update(name + '\n' + std::to_string(size) + '\n');
}

}  // namespace

Error ArchiveWriter::failed(const char* what) const {
  const char* why = archive_ ? archive_error_string(archive_) : std::strerror(errno);
  return unavailable("backup_write_failed", std::string{what} + ": " + (why ? why : "unknown error"));
}

Result<ArchiveWriter> ArchiveWriter::create(const std::filesystem::path& path) {
  ArchiveWriter writer{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (writer.fd_ < 0) return writer.failed(("cannot create " + path.string()).c_str());
  writer.archive_ = archive_write_new();
  // pax: sizes over 8 GiB and names over 100 characters.
  if (archive_write_set_format_pax_restricted(writer.archive_) != ARCHIVE_OK ||
      archive_write_open_fd(writer.archive_, writer.fd_) != ARCHIVE_OK)
    return writer.failed("the backup cannot be begun");
  return writer;
}

ArchiveWriter::ArchiveWriter(ArchiveWriter&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      archive_(std::exchange(other.archive_, nullptr)),
      hash_(std::move(other.hash_)),
      entries_(other.entries_) {}

ArchiveWriter::~ArchiveWriter() {
  if (archive_) archive_write_free(archive_);
  if (fd_ >= 0) ::close(fd_);
}

Result<> ArchiveWriter::begin(const std::string& name, std::uint64_t size) {
  archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, name.c_str());
  archive_entry_set_size(entry, static_cast<la_int64_t>(size));
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0600);
  archive_entry_set_mtime(entry, ::time(nullptr), 0);
  const int done = archive_write_header(archive_, entry);
  archive_entry_free(entry);
  if (done != ARCHIVE_OK) return failed("an entry cannot be begun");
  count_entry(hash_, name, size);
  ++entries_;
  return {};
}

Result<> ArchiveWriter::write(std::string_view bytes) {
  hash_.update(bytes);
  while (!bytes.empty()) {
    const auto wrote = archive_write_data(archive_, bytes.data(), bytes.size());
    if (wrote <= 0) return failed("the backup cannot be written");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<> ArchiveWriter::add(const std::string& name, std::string_view content) {
  if (auto begun = begin(name, content.size()); !begun) return begun;
  return write(content);
}

Result<> ArchiveWriter::add_file(const std::string& name, int fd, std::uint64_t size) {
  if (auto begun = begin(name, size); !begun) return begun;
  std::vector<char> buffer(piece_bytes);
  for (std::uint64_t at = 0; at < size;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - at));
    const ssize_t got = ::pread(fd, buffer.data(), want, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      return unavailable("backup_source_unreadable", name + " cannot be read to its end: " +
                                                         (got < 0 ? std::strerror(errno) : "it shrank"));
    if (auto written = write({buffer.data(), static_cast<std::size_t>(got)}); !written) return written;
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

std::string ArchiveWriter::checksum() { return to_hex(hash_.finish()); }

Result<> ArchiveWriter::finish() {
  if (archive_write_close(archive_) != ARCHIVE_OK) return failed("the backup cannot be ended");
  archive_write_free(std::exchange(archive_, nullptr));
  if (::fsync(fd_) != 0) return failed("the backup cannot be made durable");
  return {};
}

Error ArchiveReader::failed(const char* what) const {
  const char* why = archive_ ? archive_error_string(archive_) : nullptr;
  return malformed("backup_unreadable", std::string{what} + (why ? std::string{": "} + why : std::string{}));
}

Result<ArchiveReader> ArchiveReader::open(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0)
    return not_found("backup_missing", path.string() + " cannot be read: " + std::strerror(errno));
  ArchiveReader reader;
  reader.archive_ = archive_read_new();
  archive_read_support_format_tar(reader.archive_);
  if (archive_read_open_filename(reader.archive_, path.c_str(), piece_bytes) != ARCHIVE_OK)
    return reader.failed((path.string() + " is not a backup").c_str());
  return reader;
}

ArchiveReader::ArchiveReader(ArchiveReader&& other) noexcept
    : archive_(std::exchange(other.archive_, nullptr)), hash_(std::move(other.hash_)) {}

ArchiveReader::~ArchiveReader() {
  if (archive_) archive_read_free(archive_);
}

Result<std::optional<ArchiveReader::Entry>> ArchiveReader::next() {
  archive_entry* entry = nullptr;
  const int got = archive_read_next_header(archive_, &entry);
  if (got == ARCHIVE_EOF) return std::nullopt;
  if (got != ARCHIVE_OK) return failed("the backup is damaged or torn");
  const char* name = archive_entry_pathname(entry);
  const auto size = archive_entry_size(entry);
  return Entry{name ? name : "", size > 0 ? static_cast<std::uint64_t>(size) : 0,
               archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry)};
}

Result<> ArchiveReader::read(const std::string& name, std::uint64_t size, const Visit& visit) {
  count_entry(hash_, name, size);
  std::vector<char> buffer(piece_bytes);
  std::uint64_t seen = 0;
  for (;;) {
    const auto got = archive_read_data(archive_, buffer.data(), buffer.size());
    if (got < 0) return failed("the backup is damaged or torn");
    if (got == 0) break;
    const std::string_view piece{buffer.data(), static_cast<std::size_t>(got)};
    seen += piece.size();
    hash_.update(piece);
    if (auto visited = visit(piece); !visited) return visited;
  }
  if (seen != size) return malformed("backup_unreadable", "the backup is torn: " + name + " is not whole");
  return {};
}

std::string ArchiveReader::checksum() { return to_hex(hash_.finish()); }

}  // namespace voxanne::backup
