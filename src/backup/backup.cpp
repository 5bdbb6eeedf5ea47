#include "backup/backup.h"

#include "backup/archive.h"
#include "backup/names.h"
#include "backup/workshop.h"
#include "base/json_fields.h"
#include "recordings/descriptor.h"
#include "recordings/key.h"
#include "store/sqlite/connection.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace voxanne::backup {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t objects_at_a_time = 50'000;
constexpr std::size_t piece_bytes = 1024 * 1024;

constexpr store::Statement snapshot{"backup.snapshot", "VACUUM INTO ?1"};

// False: it is gone, which is no fault of a thing that moves on.
Result<bool> add_if_there(ArchiveWriter& archive, const std::string& name, const fs::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file && errno == ENOENT) return false;
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0)
    return recordings::file_error("backup_source_unreadable", path.string() + " cannot be read", errno);
  if (auto added = archive.add_file(name, file.get(), static_cast<std::uint64_t>(status.st_size)); !added)
    return added.error();
  return true;
}

class Backup {
 public:
  Backup(const Places& from, recordings::ObjectStore& objects, ArchiveWriter& archive, Descriptor scratch)
      : from_(from), objects_(objects), archive_(archive), scratch_(std::move(scratch)) {}

  Result<> add_journal() {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{from_.data_dir / "journal", none}) {
      const auto name = std::string{journal_prefix} + entry.path().filename().string();
      if (!entry.is_regular_file(none) || part_of(name) != Part::journal) continue;
      const auto added = add_if_there(archive_, name, entry.path());
      if (!added) return added.error();
      contents_.journalled += *added;
    }
    return {};
  }

  Result<> add_database(const fs::path& copy) {
    {
      auto connection = store::Connection::open(from_.database.string(), store::Connection::Mode::writer,
                                                milliseconds{30'000});
      if (!connection) return connection.error();
      const store::Value into{copy.string()};
      if (auto copied = connection->run(snapshot, std::span{&into, 1}); !copied) return copied;
    }
    const auto added = add_if_there(archive_, std::string{database_name}, copy);
    if (!added) return added.error();
    return {};
  }

  Result<> add_secret() {
    const auto added = add_if_there(archive_, std::string{secret_name}, from_.data_dir / "secret.key");
    if (!added) return added.error();
    contents_.secret = *added;
    return {};
  }

  Result<> add_spools() {
    std::error_code none;
    for (const auto& org : fs::directory_iterator{from_.data_dir / "spool", none})
      for (const auto& entry : fs::directory_iterator{org.path(), none}) {
        const auto name = std::string{spool_prefix} + org.path().filename().string() + "/" +
                          entry.path().filename().string();
        if (part_of(name) != Part::spool) continue;
        const auto added = add_if_there(archive_, name, entry.path());
        if (!added) return added.error();
        contents_.spooled += *added;
      }
    return {};
  }

  async::Task<Result<>> add_recordings() {
    for (std::string after;;) {
      const auto page = co_await objects_.list({}, after, objects_at_a_time);
      if (!page) co_return page.error();
      if (page->empty()) co_return Result<>{};
      after = page->back().key;
      for (const auto& object : *page)
        if (const auto added = co_await add_recording(object.key); !added) co_return added.error();
    }
  }

  Result<> complete() {
    std::string text = R"({"files":)" + std::to_string(archive_.entries());
    append_string(text, R"(,"sha256":)", archive_.checksum());
    return archive_.add(std::string{complete_name}, text + "}\n");
  }

  const Contents& contents() const { return contents_; }

 private:
  // False: it is gone, or no recording.
  async::Task<Result<bool>> add_recording(const std::string& key) {
    if (!recordings::parse_recording_key(key)) co_return false;
    // To its end before its entry is begun, so that one that goes meanwhile is left out.
    const auto size = co_await fetch(key);
    if (!size && size.error().code == "object_missing") co_return false;
    if (!size) co_return size.error();
    if (auto done = archive_.add_file(std::string{recordings_prefix} + key, scratch_.get(), *size); !done)
      co_return done.error();
    ++contents_.recordings;
    co_return true;
  }

  // Into the beginning of scratch_; how much.
  async::Task<Result<std::uint64_t>> fetch(const std::string& key) {
    const auto size = co_await objects_.size(key);
    if (!size) co_return size.error();
    for (std::uint64_t at = 0; at < *size;) {
      const auto piece = co_await objects_.read(key, at, piece_bytes);
      if (!piece) co_return piece.error();
      if (piece->empty() || piece->size() > *size - at)
        co_return unavailable("backup_source_unreadable", key + " changed while it was read");
      if (auto kept = keep(*piece, at); !kept) co_return kept.error();
      at += piece->size();
    }
    co_return *size;
  }

  Result<> keep(std::string_view piece, std::uint64_t at) {
    while (!piece.empty()) {
      const ssize_t wrote = ::pwrite(scratch_.get(), piece.data(), piece.size(), static_cast<off_t>(at));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0)
        return recordings::file_error("backup_write_failed", "a recording cannot be kept beside the backup",
                                      errno);
      piece.remove_prefix(static_cast<std::size_t>(wrote));
      at += static_cast<std::uint64_t>(wrote);
    }
    return {};
  }

  const Places& from_;
  recordings::ObjectStore& objects_;
  ArchiveWriter& archive_;
  const Descriptor scratch_;  // holds one recording at a time
  Contents contents_;
};

std::string about(const std::string& version) {
  std::string out = R"({"format":)" + std::to_string(format);
  append_string(out, R"(,"version":)", version);
  append_time(out, R"(,"createdAt":)", std::chrono::floor<milliseconds>(std::chrono::system_clock::now()));
  return out + "}\n";
}

}  // namespace

async::Task<Result<Contents>> back_up(Places from, recordings::ObjectStore& objects, bool secret,
                                      std::string version, fs::path file) {
  const Error exists{Fault::conflict, "backup_exists",
                     file.string() + " exists already: move it away or name another file"};
  const auto shop = Workshop::claim(file);
  if (!shop) co_return shop.error();
  std::error_code none;
  if (fs::exists(file, none)) co_return exists;
  if (!fs::exists(from.database, none))
    co_return not_found("nothing_to_back_up", from.database.string() + " is not there: is DATA_DIR right?");
  auto archive = ArchiveWriter::create(shop->archive());
  if (!archive) co_return archive.error();

  auto scratch = shop->scratch();
  if (!scratch) co_return scratch.error();

  Backup backup{from, objects, *archive, std::move(*scratch)};
  Result<> done = archive->add(std::string{about_name}, about(version));
  if (done) done = backup.add_journal();
  if (done) done = backup.add_database(shop->database());
  if (done && secret) done = backup.add_secret();
  if (done) done = backup.add_spools();
  if (done) done = co_await backup.add_recordings();
  if (done) done = backup.complete();
  if (done) done = archive->finish();
  if (!done) co_return done.error();
  // Unlike a rename, a link never takes another's place.
  if (::link(shop->archive().c_str(), file.c_str()) != 0) {
    if (errno == EEXIST) co_return exists;
    co_return recordings::file_error("backup_write_failed", file.string() + " cannot be put in its place",
                                     errno);
  }
  static_cast<void>(recordings::sync_directory(file.has_parent_path() ? file.parent_path() : fs::path{"."}));
  co_return backup.contents();
}

}  // namespace voxanne::backup
