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

#include <array>
#include <cerrno>
#include <chrono>
#include <unordered_set>
#include <utility>
#include <vector>

namespace voxanne::backup {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t objects_at_a_time = 50'000;
constexpr std::size_t piece_bytes = 1024 * 1024;

constexpr store::Statement snapshot{"backup.snapshot", "VACUUM INTO ?1"};
constexpr store::Statement stored{
    "backup.stored", "SELECT org_id, id, recording_key FROM calls WHERE recording_status = 'stored'"};
constexpr store::Statement still_stored{"backup.still_stored",
                                        "SELECT 1 FROM calls WHERE org_id = ?1 AND id = ?2 AND "
                                        "recording_status = 'stored' AND recording_key = ?3"};

// None where there is no such directory.
Result<std::vector<fs::directory_entry>> entries_of(const fs::path& directory) {
  std::vector<fs::directory_entry> found;
  std::error_code error;
  fs::directory_iterator at{directory, error};
  for (; !error && at != fs::directory_iterator{}; at.increment(error)) found.push_back(*at);
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return recordings::file_error("backup_source_unreadable", directory.string() + " cannot be listed",
                                  error.value());
  return found;
}

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
    const auto entries = entries_of(from_.data_dir / "journal");
    if (!entries) return entries.error();
    std::error_code none;
    for (const auto& entry : *entries) {
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
    const auto orgs = entries_of(from_.data_dir / "spool");
    if (!orgs) return orgs.error();
    for (const auto& org : *orgs) {
      const auto entries = entries_of(org.path());
      if (!entries) return entries.error();
      for (const auto& entry : *entries) {
        const auto name = std::string{spool_prefix} + org.path().filename().string() + "/" +
                          entry.path().filename().string();
        if (part_of(name) != Part::spool) continue;
        const auto added = add_if_there(archive_, name, entry.path());
        if (!added) return added.error();
        contents_.spooled += *added;
      }
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

  // After the recordings: those that the snapshot has as stored and that were not listed, or went meanwhile.
  async::Task<Result<>> look_for_the_others(const fs::path& copy) {
    const auto others = not_added(copy);
    if (!others) co_return others.error();
    if (others->empty()) co_return Result<>{};
    auto live = store::Connection::open(from_.database.string(), store::Connection::Mode::reader,
                                        milliseconds{30'000});
    if (!live) co_return live.error();
    for (const auto& row : *others) {
      const auto& key = row.back();
      const auto added = co_await add_recording(key);
      if (!added) co_return added.error();
      if (*added) continue;
      // Rows go before files: what was removed on purpose is stored no more.
      bool lost = false;
      const std::vector<store::Value> values(row.begin(), row.end());
      if (auto looked = live->run(still_stored, values, [&](const store::Row&) { lost = true; }); !looked)
        co_return looked.error();
      if (lost) contents_.missing.push_back(key);
    }
    co_return Result<>{};
  }

  Result<> complete() {
    std::string text = R"({"files":)" + std::to_string(archive_.entries());
    append_string(text, R"(,"sha256":)", archive_.checksum());
    return archive_.add(std::string{complete_name}, text + "}\n");
  }

  const Contents& contents() const { return contents_; }

 private:
  using Keyed = std::array<std::string, 3>;  // organization, call, the recording's key

  Result<std::vector<Keyed>> not_added(const fs::path& copy) const {
    auto connection =
        store::Connection::open(copy.string(), store::Connection::Mode::reader, milliseconds{1'000});
    if (!connection) return connection.error();
    std::vector<Keyed> others;
    auto seen = connection->run(stored, {}, [&](const store::Row& row) {
      if (!added_.contains(row.str(2))) others.push_back({row.str(0), row.str(1), row.str(2)});
    });
    if (!seen) return seen.error();
    return others;
  }

  // False: it is gone, or no recording.
  async::Task<Result<bool>> add_recording(const std::string& key) {
    if (!recordings::parse_recording_key(key)) co_return false;
    // To its end before its entry is begun, so that one that goes meanwhile is left out.
    const auto size = co_await fetch(key);
    if (!size && size.error().code == "object_missing") co_return false;
    if (!size) co_return size.error();
    if (auto done = archive_.add_file(std::string{recordings_prefix} + key, scratch_.get(), *size); !done)
      co_return done.error();
    added_.insert(key);
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
  std::unordered_set<std::string> added_;
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
  if (done) done = co_await backup.look_for_the_others(shop->database());
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
