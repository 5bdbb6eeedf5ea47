#include "backup/archive.h"
#include "backup/backup.h"
#include "backup/destination.h"
#include "backup/names.h"
#include "recordings/descriptor.h"
#include "recordings/file_store.h"
#include "store/sqlite/connection.h"

#include <boost/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace voxanne::backup {
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

constexpr std::size_t longest_note = 4'096;  // about and complete are a line each

// Nothing of the node that made the backup runs here, whatever it was called.
constexpr store::Statement own_uploads{
    "restore.uploads",
    "UPDATE recording_upload_queue SET node_id = ?1, next_attempt_at = CASE WHEN status = 'uploading' THEN 0 "
    "ELSE next_attempt_at END"};
constexpr store::Statement own_calls{"restore.calls",
                                     "UPDATE calls SET node_id = ?1, boot_id = '' WHERE ended_at IS NULL"};
constexpr store::Statement no_leases{"restore.leases", "UPDATE job_schedules SET lease_until = 0"};

Error torn() {
  return malformed("backup_torn", "the backup is not whole or not as it was made: take another one");
}

std::optional<json::object> parse(const std::string& text) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return value.as_object();
}

std::int64_t number(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value && value->is_int64() ? value->as_int64() : -1;
}

// Unpacks all of it beside its place, and believes nothing before it has seen the end.
class Unpacking {
 public:
  Unpacking(ArchiveReader& archive, fs::path into) : archive_(archive), into_(std::move(into)) {}

  Result<Contents> run() {
    for (;;) {
      auto entry = archive_.next();
      if (!entry) return entry.error();
      if (!*entry) return torn();
      const auto part = (*entry)->regular ? part_of((*entry)->name) : std::nullopt;
      if (!part)
        return malformed("backup_unreadable", "this is no backup of Voxanne: it holds " + (*entry)->name);
      if ((entries_ == 0) != (*part == Part::about))
        return malformed("backup_unreadable", "this is no backup of Voxanne");
      if (*part == Part::complete) return end(**entry);
      if (auto done = *part == Part::about ? begin(**entry) : unpack(**entry); !done) return done.error();
      ++entries_;
      count(*part);
    }
  }

 private:
  using Entry = ArchiveReader::Entry;

  Result<std::string> note(const Entry& entry) {
    std::string text;
    if (entry.size > longest_note) return torn();
    if (auto read = archive_.read(entry.name, entry.size,
                                  [&](std::string_view piece) -> Result<> {
                                    text.append(piece);
                                    return {};
                                  });
        !read)
      return read.error();
    return text;
  }

  Result<> begin(const Entry& entry) {
    const auto text = note(entry);
    if (!text) return text.error();
    const auto about = parse(*text);
    if (!about) return malformed("backup_unreadable", "this is no backup of Voxanne");
    if (number(*about, "format") != format)
      return malformed("backup_newer",
                       "this backup is of another format: restore it with the version that made it");
    return {};
  }

  Result<> unpack(const Entry& entry) {
    const fs::path path = into_ / entry.name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file)
      return recordings::file_error("restore_write_failed", path.string() + " cannot be made", errno);
    auto read = archive_.read(entry.name, entry.size, [&](std::string_view piece) -> Result<> {
      while (!piece.empty()) {
        const ssize_t wrote = ::write(file.get(), piece.data(), piece.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0)
          return recordings::file_error("restore_write_failed", path.string() + " cannot be written", errno);
        piece.remove_prefix(static_cast<std::size_t>(wrote));
      }
      return {};
    });
    if (read && ::fsync(file.get()) != 0)
      return recordings::file_error("restore_write_failed", path.string() + " cannot be written", errno);
    return read;
  }

  void count(Part part) {
    contents_.recordings += part == Part::recording;
    contents_.spooled += part == Part::spool;
    contents_.journalled += part == Part::journal;
    contents_.secret |= part == Part::secret;
    database_ |= part == Part::database;
  }

  Result<Contents> end(const Entry& entry) {
    const auto sum = archive_.checksum();
    const auto text = note(entry);
    if (!text) return text.error();
    const auto complete = parse(*text);
    const auto* claimed = complete ? complete->if_contains("sha256") : nullptr;
    if (!claimed || !claimed->is_string() || claimed->as_string() != sum ||
        number(*complete, "files") != entries_ || !database_)
      return torn();
    return contents_;
  }

  ArchiveReader& archive_;
  fs::path into_;
  std::int64_t entries_ = 0;
  bool database_ = false;
  Contents contents_;
};

Result<> take_over(const fs::path& database, const std::string& node) {
  auto connection =
      store::Connection::open(database.string(), store::Connection::Mode::writer, milliseconds{1'000});
  if (!connection) return connection.error();
  const store::Value own{node};
  if (auto done = connection->run(own_uploads, std::span{&own, 1}); !done) return done;
  if (auto done = connection->run(own_calls, std::span{&own, 1}); !done) return done;
  if (auto done = connection->run(no_leases, {}); !done) return done;
  // One file again, to be moved as one.
  return connection->execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE");
}

Result<> move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (!fs::exists(from, error)) return {};
  fs::create_directories(to.parent_path(), error);
  fs::rename(from, to, error);
  if (error == std::errc::cross_device_link) {
    error.clear();
    fs::copy(from, to, fs::copy_options::recursive, error);
  }
  if (error)
    return recordings::file_error("restore_write_failed", to.string() + " cannot be made", error.value());
  static_cast<void>(recordings::sync_directory(to.parent_path()));
  return {};
}

async::Task<Result<>> store_recordings(recordings::ObjectStore& objects, const fs::path& from) {
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator{from, none}) {
    if (!entry.is_regular_file(none)) continue;
    const auto key = entry.path().lexically_relative(from).generic_string();
    // A bucket that outlived its server has them still.
    const auto there = co_await objects.size(key);
    if (there && *there == entry.file_size(none)) continue;
    if (there) co_return in_the_way({"another recording of the name " + key});
    if (there.error().kind != Fault::not_found) co_return there.error();
    const auto sum = recordings::file_checksum(entry.path(), "backup_unreadable");
    if (!sum) co_return sum.error();
    if (const auto put = co_await objects.put(key, entry.path(), *sum); !put) co_return put;
  }
  co_return Result<>{};
}

}  // namespace

async::Task<Result<Contents>> restore(fs::path file, Places to, recordings::ObjectStore& objects, bool secret,
                                      std::string node) {
  const Destination destination{to, secret};
  const bool again = destination.begun();
  if (auto free = destination.check(); !free) co_return free.error();
  auto archive = ArchiveReader::open(file);
  if (!archive) co_return archive.error();
  if (auto begun = destination.begin(); !begun) co_return begun.error();

  const fs::path aside = destination.unpacked();
  const auto contents = Unpacking{*archive, aside}.run();
  if (!contents) {
    // A bad backup leaves nothing behind. An interrupted restore is still one: its recordings may be there.
    std::error_code error;
    fs::remove_all(aside, error);
    if (!again) static_cast<void>(destination.end());
    co_return contents.error();
  }
  Result<> done = take_over(aside / database_name, node);
  if (done && secret) done = move(aside / secret_name, to.data_dir / secret_name);
  if (done) done = move(aside / "journal", to.data_dir / "journal");
  if (done) done = move(aside / "spool", to.data_dir / "spool");
  if (done) done = co_await objects.prepare();
  if (done) done = co_await store_recordings(objects, aside / "recordings");
  // Last: where there is a database, there is all of it.
  if (done) done = move(aside / database_name, to.database);
  if (done) done = destination.end();
  if (!done) co_return done.error();
  co_return *contents;
}

}  // namespace voxanne::backup
