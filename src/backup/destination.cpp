#include "backup/destination.h"

#include "backup/names.h"
#include "recordings/descriptor.h"
#include "recordings/root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace voxanne::backup {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view database_is = "database=", with_secret = "\nsecret=yes\n",
                           without_secret = "\nsecret=no\n";
constexpr std::size_t longest_note = 16'384;  // a path and some words

// What SQLite keeps beside a database and plays into whichever it finds there
// (https://sqlite.org/tempfiles.html).
constexpr std::array<const char*, 4> database_suffixes{"", "-wal", "-shm", "-journal"};

Error write_failed(const fs::path& what, const char* how, int error_number) {
  Error error = recordings::file_error("restore_write_failed", what.string() + " " + how, error_number);
  error.kind = Fault::unavailable;
  return error;
}

// As it is called from everywhere.
fs::path settled(const fs::path& file) {
  std::error_code error;
  const auto whole = fs::absolute(file, error);
  const auto directory = fs::weakly_canonical(whole.parent_path(), error);
  return error ? whole : directory / whole.filename();
}

std::string note_of(const Places& to, bool secret) {
  return std::string{database_is} + settled(to.database).string() +
         std::string{secret ? with_secret : without_secret};
}

bool is_note(std::string_view text) {
  return text.starts_with(database_is) && (text.ends_with(with_secret) || text.ends_with(without_secret));
}

std::string database_of(std::string_view note) {
  note.remove_prefix(database_is.size());
  note.remove_suffix(note.ends_with(with_secret) ? with_secret.size() : without_secret.size());
  return std::string{note};
}

// Empty where there is none: a directory is what versions before the note left.
Result<std::string> read_note(const fs::path& marker) {
  const auto unreadable = [&] {
    return unavailable("restore_note_unreadable",
                       recordings::file_error("", marker.string() + " cannot be read", errno).message);
  };
  const Descriptor file{::open(marker.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return unreadable();
  if (!S_ISREG(status.st_mode)) return std::string{};
  std::string text(longest_note, '\0');
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
  if (got < 0) return unreadable();
  text.resize(static_cast<std::size_t>(got));
  return text;
}

// The marker of the recordings' directory aside.
bool holds_files(const fs::path& directory) {
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator{directory, none})
    if (entry.is_regular_file(none) && entry.path().filename() != recordings::marker_name) return true;
  return false;
}

std::vector<std::string> those_there(const std::vector<fs::path>& files) {
  std::error_code none;
  std::vector<std::string> found;
  for (const auto& file : files)
    if (fs::exists(file, none)) found.push_back(file.string());
  return found;
}

std::string listed(const std::vector<std::string>& what) {
  std::string out;
  for (std::size_t i = 0; i < what.size(); ++i)
    out += (i == 0 ? "" : i + 1 == what.size() ? " and " : ", ") + what[i];
  return out + (what.size() == 1 ? " is" : " are");
}

}  // namespace

Error in_the_way(const std::vector<std::string>& what) {
  return {Fault::conflict, "restore_would_overwrite",
          listed(what) +
              " there already, and a restore overwrites nothing: name an empty DATA_DIR, or move " +
              (what.size() == 1 ? "it away" : "them away together")};
}

bool restore_is_unfinished(const fs::path& data_dir) {
  std::error_code none;
  return fs::exists(data_dir / ".restoring", none);
}

Destination::Destination(Places to, bool secret)
    : to_(std::move(to)),
      secret_(secret),
      marker_(to_.data_dir / ".restoring"),
      note_(note_of(to_, secret)) {}

std::vector<fs::path> Destination::database_files() const {
  std::vector<fs::path> files;
  for (const char* suffix : database_suffixes) files.emplace_back(to_.database.string() + suffix);
  return files;
}

// Those of which the environment says where and whether they are, and which may therefore not be the
// interrupted restore's.
std::vector<fs::path> Destination::unsure_files() const {
  auto files = database_files();
  if (secret_) files.push_back(to_.data_dir / secret_name);
  return files;
}

Result<> Destination::check() const {
  if (begun()) return check_begun();
  auto found = those_there(unsure_files());
  for (const char* directory : {"journal", "spool", "recordings"})
    if (holds_files(to_.data_dir / directory)) found.push_back((to_.data_dir / directory).string());
  if (!found.empty()) return in_the_way(found);
  return {};
}

Result<> Destination::check_begun() const {
  const auto noted = read_note(marker_);
  if (!noted) return noted.error();
  if (is_note(*noted)) return *noted == note_ ? Result<>{} : elsewhere(*noted);
  // What says nothing lets nothing be removed that could be somebody's.
  const auto found = those_there(unsure_files());
  if (found.empty()) return {};
  return Error{Fault::conflict, "restore_would_overwrite",
               listed(found) + " there already, and " + marker_.string() +
                   ", which an interrupted restore left, does not say whether by that restore: move " +
                   (found.size() == 1 ? "it" : "them") + " away and restore again"};
}

Error Destination::elsewhere(const std::string& noted) const {
  const auto before = database_of(noted), now = database_of(note_);
  const std::string mend = before != now
                               ? "had its database at " + before + ", and this one would have it at " + now +
                                     ": set DATABASE_URL and DATA_DIR as they were"
                           : secret_ ? std::string{"left secret.key alone since SECRET_KEY was set: set it"}
                                     : std::string{"made secret.key, since SECRET_KEY was not set: unset it"};
  return {Fault::conflict, "restore_elsewhere",
          "the restore into " + to_.data_dir.string() + " that was interrupted " + mend +
              " and restore again; or give it up by moving away all in " + to_.data_dir.string() + " and " +
              before + ", where it is there"};
}

Result<> Destination::begin() const {
  if (begun())
    if (auto cleared = clear(); !cleared) return cleared;
  if (auto noted = note(); !noted) return noted;
  std::error_code error;
  fs::remove_all(unpacked(), error);
  fs::create_directories(unpacked(), error);
  if (error) return write_failed(unpacked(), "cannot be made", error.value());
  return {};
}

Result<> Destination::clear() const {
  std::error_code error;
  const auto left = [&](const fs::path& what) {
    return write_failed(what, "was left by an interrupted restore and cannot be removed", error.value());
  };
  for (const auto& file : unsure_files())
    if (fs::remove(file, error); error) return left(file);
  for (const char* directory : {"journal", "spool"})
    if (fs::remove_all(to_.data_dir / directory, error); error) return left(to_.data_dir / directory);
  // Of a version without a note: a rename does not replace a directory.
  if (fs::is_directory(marker_, error))
    if (fs::remove_all(marker_, error); error) return left(marker_);
  return {};
}

Result<> Destination::note() const {
  const fs::path fresh = marker_.string() + ".new";
  ::unlink(fresh.c_str());
  const Descriptor file{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file || ::write(file.get(), note_.data(), note_.size()) != static_cast<ssize_t>(note_.size()) ||
      ::fsync(file.get()) != 0 || ::rename(fresh.c_str(), marker_.c_str()) != 0)
    return write_failed(marker_, "cannot be made", errno);
  static_cast<void>(recordings::sync_directory(to_.data_dir));
  return {};
}

Result<> Destination::end() const {
  std::error_code error;
  fs::remove_all(unpacked(), error);
  if (::unlink(marker_.c_str()) != 0) return write_failed(marker_, "cannot be removed", errno);
  static_cast<void>(recordings::sync_directory(to_.data_dir));
  return {};
}

}  // namespace voxanne::backup
