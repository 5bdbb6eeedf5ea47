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
#include <iterator>
#include <set>
#include <system_error>

namespace voxanne::recordings {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t copy_bytes = 256 * 1024;
constexpr const char* incoming = ".incoming";

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

// `unreadable` is the code of a failure to read; `visit` may fail in its own way.
template <class Visit>
Result<> read_all(int fd, const std::string& unreadable, Visit visit) {
  std::string buffer(copy_bytes, '\0');
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error(unreadable, "the file cannot be read", errno);
    if (got == 0) return {};
    if (auto seen = visit(std::string_view{buffer}.substr(0, static_cast<std::size_t>(got))); !seen)
      return seen;
  }
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

// Of unfinished puts of a key; a digest, since a key may be longer than a name.
std::string incoming_name(const std::string& key) { return to_hex(sha256(key)) + "."; }

Result<> remove_incoming(const fs::path& root, const std::string& key) {
  const auto name = incoming_name(key);
  std::error_code error;
  fs::directory_iterator at{root / incoming, error};
  for (; !error && at != fs::directory_iterator{}; at.increment(error))
    if (at->path().filename().string().starts_with(name) && ::unlink(at->path().c_str()) != 0 &&
        errno != ENOENT)
      return away("what is left of an earlier attempt cannot be removed", errno);
  if (error && error != std::errc::no_such_file_or_directory)
    return away("what is left of earlier attempts cannot be listed", error.value());
  return {};
}

Result<> put_file(const fs::path& root, const std::string& key, const fs::path& source,
                  const std::string& checksum) {
  const Descriptor from{::open(source.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!from) return file_error("object_source_unreadable", "the file to store cannot be opened", errno);
  if (auto removed = remove_incoming(root, key); !removed) return removed;
  const fs::path target = root / key, temp = root / incoming / (incoming_name(key) + make_ulid());
  if (!make_directories(root / incoming) || !make_directories(target.parent_path()))
    return away("the directory for the object cannot be made", errno);
  const Descriptor to{::open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!to) return away("the object cannot be created", errno);
  const Unlink whatever_happens{temp};

  Sha256 hash;
  auto copied = read_all(from.get(), "object_source_unreadable", [&](std::string_view piece) -> Result<> {
    hash.update(piece);
    if (!write_all(to.get(), piece)) return away("the object cannot be written", errno);
    return {};
  });
  if (!copied) return copied;
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

// The keys in their order, some names of one directory at a time: neither memory nor work grows with what is
// not asked for.
class Listing {
 public:
  Listing(const fs::path& root, const std::string& prefix, std::string after, std::size_t limit)
      : root_(root), prefix_(prefix), after_(std::move(after)), limit_(limit) {}

  Result<std::vector<ObjectInfo>> run() {
    if (auto done = walk(""); !done) return done.error();
    return std::move(found_);
  }

 private:
  Result<> walk(const std::string& directory) {
    for (bool more = true; more && found_.size() < limit_;) {
      auto names = next_names(directory, more);
      if (!names) return names.error();
      for (const auto& name : *names) {
        if (found_.size() == limit_) return {};
        if (name.back() == '/') {
          if (auto done = walk(name); !done) return done;
          if (after_ < name) after_ = name;
          continue;
        }
        after_ = name;
        struct stat status{};
        if (::stat((root_ / name).c_str(), &status) == 0 && S_ISREG(status.st_mode))
          found_.push_back(
              {name, static_cast<std::uint64_t>(status.st_size), UtcTime{seconds{status.st_mtim.tv_sec}}});
      }
    }
    return {};
  }

  // The first ones that are still to be looked at, as keys, those of directories with the slash that their
  // keys are sorted by. `more`: there are others after them.
  Result<std::set<std::string>> next_names(const std::string& directory, bool& more) const {
    const std::size_t most = std::max<std::size_t>(limit_ - found_.size(), 1'000);
    std::set<std::string> names;
    more = false;
    std::error_code error;
    fs::directory_iterator at{root_ / directory, error};
    for (; !error && at != fs::directory_iterator{}; at.increment(error)) {
      auto name = directory + at->path().filename().string();
      if (!is_object_key(name)) continue;
      std::error_code gone;
      if (at->is_directory(gone) && !at->is_symlink(gone)) name += '/';
      if (!is_wanted(name)) continue;
      names.insert(std::move(name));
      if (names.size() <= most) continue;
      names.erase(std::prev(names.end()));
      more = true;
    }
    if (error && error != std::errc::no_such_file_or_directory)
      return away("the objects cannot be listed", error.value());
    return names;
  }

  bool is_wanted(const std::string& name) const {
    const bool directory = name.back() == '/';
    return (name > after_ || (directory && after_.starts_with(name))) &&
           (name.starts_with(prefix_) || (directory && prefix_.starts_with(name)));
  }

  const fs::path& root_;
  const std::string& prefix_;
  std::string after_;
  const std::size_t limit_;
  std::vector<ObjectInfo> found_;
};

}  // namespace

FileStore::FileStore(Place place, async::WorkerPool& workers) : root_(std::move(place)), workers_(workers) {
  const auto root = root_.hold(Root::Use::look);
  if (!root) return;
  std::error_code ignored;  // strays cost only space
  for (const auto& entry : fs::directory_iterator{root->path() / incoming, ignored}) {
    struct stat status{};
    const auto day_ago = ::time(nullptr) - 24 * 60 * 60;  // younger ones may be another process's
    if (::stat(entry.path().c_str(), &status) == 0 && status.st_mtim.tv_sec < day_ago)
      ::unlink(entry.path().c_str());
  }
}

Result<> FileStore::check() {
  const auto root = root_.hold(Root::Use::keep);
  if (!root) return root.error();
  return {};
}

async::Task<Result<>> FileStore::prepare() {
  co_return co_await workers_.run([&] { return check(); });
}

async::Task<Result<>> FileStore::put(std::string key, fs::path file, std::string checksum) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&]() -> Result<> {
    const auto root = root_.hold(Root::Use::keep);
    if (!root) return root.error();
    return put_file(root->path(), key, file, checksum);
  });
}

async::Task<Result<std::uint64_t>> FileStore::size(std::string key) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&]() -> Result<std::uint64_t> {
    const auto root = root_.hold(Root::Use::look);
    if (!root) return root.error();
    struct stat status{};
    if (::stat((root->path() / key).c_str(), &status) != 0)
      return missing_or_away("the object cannot be found", errno);
    if (!S_ISREG(status.st_mode)) return missing_or_away("", ENOENT);
    return static_cast<std::uint64_t>(status.st_size);
  });
}

async::Task<Result<std::string>> FileStore::read(std::string key, std::uint64_t offset, std::size_t length) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&]() -> Result<std::string> {
    const auto root = root_.hold(Root::Use::look);
    if (!root) return root.error();
    return read_range(root->path() / key, offset, length);
  });
}

async::Task<Result<>> FileStore::remove(std::string key) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await workers_.run([&]() -> Result<> {
    const auto root = root_.hold(Root::Use::look);
    if (!root) return root.error();
    // First, so that a put under way does not bring it back.
    if (auto removed = remove_incoming(root->path(), key); !removed) return removed;
    const fs::path path = root->path() / key;
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
  co_return co_await workers_.run([&]() -> Result<std::vector<ObjectInfo>> {
    const auto root = root_.hold(Root::Use::look);
    if (!root) return root.error();
    const fs::path path = root->path();
    return Listing{path, prefix, after, limit}.run();
  });
}

Result<std::string> file_checksum(const fs::path& file, const std::string& code) {
  const Descriptor from{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!from) return file_error(code, "the file cannot be opened", errno);
  Sha256 hash;
  const auto read = read_all(from.get(), code, [&](std::string_view piece) -> Result<> {
    hash.update(piece);
    return {};
  });
  if (!read) return read.error();
  return to_hex(hash.finish());
}

}  // namespace voxanne::recordings
