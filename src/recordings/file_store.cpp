#include "recordings/file_store.h"

#include "base/ids.h"
#include "base/secret.h"
#include "recordings/descriptor.h"
#include "recordings/key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace voxanne::recordings {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t copy_bytes = 256 * 1024;
constexpr const char* incoming = ".incoming";

Error away(const char* what, int error_number) {
  Error error = file_error("object_store_unavailable", what, error_number);
  error.kind = Fault::unavailable;
  return error;
}

Error missing_or_away(const char* what, int error_number) {
  if (error_number == ENOENT || error_number == ENOTDIR)
    return not_found("object_missing", "there is no such object");
  return away(what, error_number);
}

Error bad_key() { return malformed("object_key_invalid", "this is not the key of an object"); }

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

// Nullopt when it was read to its end.
template <class Visit>
std::optional<int> read_all(int fd, Visit visit) {
  std::string buffer(copy_bytes, '\0');
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return std::nullopt;
    if (!visit(std::string_view{buffer}.substr(0, static_cast<std::size_t>(got)))) return errno;
  }
}

// Creates what is missing of `directory` below `root` and syncs each parent that gained an entry.
bool make_directories(const fs::path& root, const fs::path& directory) {
  if (directory != root && directory.has_parent_path() && !fs::exists(directory.parent_path()))
    if (!make_directories(root, directory.parent_path())) return false;
  if (::mkdir(directory.c_str(), 0700) == 0) return sync_directory(directory.parent_path());
  return errno == EEXIST;
}

class Unlink {
 public:
  explicit Unlink(fs::path path) : path_(std::move(path)) {}
  ~Unlink() { ::unlink(path_.c_str()); }
  Unlink(const Unlink&) = delete;
  Unlink& operator=(const Unlink&) = delete;

 private:
  fs::path path_;
};

Result<> put_file(const fs::path& root, const std::string& key, const fs::path& source,
                  const std::string& checksum) {
  const Descriptor from{::open(source.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!from) return file_error("object_source_unreadable", "the file to store cannot be opened", errno);
  const fs::path target = root / key, temp = root / incoming / make_ulid();
  if (!make_directories(root, root / incoming) || !make_directories(root, target.parent_path()))
    return away("the directory for the object cannot be made", errno);
  const Descriptor to{::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!to) return away("the object cannot be created", errno);
  const Unlink whatever_happens{temp};

  Sha256 hash;
  const auto failed = read_all(from.get(), [&](std::string_view piece) {
    hash.update(piece);
    return write_all(to.get(), piece);
  });
  if (failed) return away("the object cannot be written", *failed);
  if (to_hex(hash.finish()) != checksum)
    return Error{Fault::conflict, "object_checksum_mismatch",
                 "the file to store is not the one that was promised: its checksum differs"};
  if (::fsync(to.get()) != 0 || ::rename(temp.c_str(), target.c_str()) != 0 ||
      !sync_directory(target.parent_path()))
    return away("the object cannot be put in its place", errno);
  return {};
}

Result<std::string> read_range(const fs::path& path, std::uint64_t offset, std::size_t length) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return missing_or_away("the object cannot be opened", errno);
  std::string out(length, '\0');
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got =
        ::pread(file.get(), out.data() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return away("the object cannot be read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

Result<std::vector<ObjectInfo>> list_files(const fs::path& root, const std::string& prefix,
                                           const std::string& after, std::size_t limit) {
  std::vector<ObjectInfo> found;
  std::error_code error;
  // A prefix that names whole directories is not looked for anywhere else.
  const auto slash = prefix.rfind('/');
  const fs::path start = slash == std::string::npos ? root : root / prefix.substr(0, slash);
  fs::recursive_directory_iterator at{start, error}, end;
  if (error == std::errc::no_such_file_or_directory) return found;
  for (; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with('.')) {
      at.disable_recursion_pending();
      continue;
    }
    struct stat status{};
    if (::stat(at->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    auto key = at->path().lexically_relative(root).generic_string();
    if (key.starts_with(prefix) && key > after && is_object_key(key))
      found.push_back({std::move(key), static_cast<std::uint64_t>(status.st_size),
                       UtcTime{seconds{status.st_mtim.tv_sec}}});
  }
  if (error) return away("the objects cannot be listed", error.value());
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace

FileStore::FileStore(fs::path root, async::WorkerPool& workers) : root_(std::move(root)), workers_(workers) {
  std::error_code ignored;  // strays cost only space
  for (const auto& entry : fs::directory_iterator{root_ / incoming, ignored}) {
    struct stat status{};
    const auto day_ago = ::time(nullptr) - 24 * 60 * 60;  // younger ones may be another process's
    if (::stat(entry.path().c_str(), &status) == 0 && status.st_mtim.tv_sec < day_ago)
      ::unlink(entry.path().c_str());
  }
}

async::Task<Result<>> FileStore::put(std::string key, fs::path file, std::string checksum) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&] { return put_file(root_, key, file, checksum); });
}

async::Task<Result<std::uint64_t>> FileStore::size(std::string key) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&]() -> Result<std::uint64_t> {
    struct stat status{};
    if (::stat((root_ / key).c_str(), &status) != 0)
      return missing_or_away("the object cannot be found", errno);
    if (!S_ISREG(status.st_mode)) return missing_or_away("", ENOENT);
    return static_cast<std::uint64_t>(status.st_size);
  });
}

async::Task<Result<std::string>> FileStore::read(std::string key, std::uint64_t offset, std::size_t length) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&] { return read_range(root_ / key, offset, length); });
}

async::Task<Result<>> FileStore::remove(std::string key) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&]() -> Result<> {
    const fs::path path = root_ / key;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
      return away("the object cannot be removed", errno);
    static_cast<void>(sync_directory(path.parent_path()));
    return {};
  });
}

async::Task<Result<std::vector<ObjectInfo>>> FileStore::list(std::string prefix, std::string after,
                                                             std::size_t limit) {
  const auto last = prefix.empty() || prefix.back() != '/' ? prefix : prefix.substr(0, prefix.size() - 1);
  if (!last.empty() && !is_object_key(last)) co_return bad_key();
  co_return co_await workers_.run([&] { return list_files(root_, prefix, after, limit); });
}

Result<std::string> file_checksum(const fs::path& file, const std::string& code) {
  const Descriptor from{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!from) return file_error(code, "the file cannot be opened", errno);
  Sha256 hash;
  const auto failed = read_all(from.get(), [&](std::string_view piece) {
    hash.update(piece);
    return true;
  });
  if (failed) return file_error(code, "the file cannot be read", *failed);
  return to_hex(hash.finish());
}

}  // namespace voxanne::recordings
