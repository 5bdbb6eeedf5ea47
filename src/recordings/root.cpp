#include "recordings/root.h"

#include "base/ids.h"
#include "recordings/descriptor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace voxanne::recordings {
namespace fs = std::filesystem;
namespace {

// What a marker is made as where one is there already: put in its place by a rename.
constexpr const char* new_marker_name = ".voxanne-recordings.new";

Result<std::string> read_whole(int fd, const fs::path& name) {
  std::string out;
  std::array<char, 4'096> piece{};
  for (;;) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return away(name.string() + " cannot be read", errno);
    out.append(piece.data(), static_cast<std::size_t>(got));
    if (static_cast<std::size_t>(got) < piece.size()) return out;  // of a file that is its end
  }
}

bool write_durably(int fd, std::string_view text) {
  const ssize_t wrote = ::write(fd, text.data(), text.size());
  if (wrote >= 0 && static_cast<std::size_t>(wrote) < text.size()) errno = ENOSPC;
  return wrote == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
}

// Of a store everything but what begins with a dot.
bool holds_anything(const fs::path& directory) {
  std::error_code none;
  for (fs::directory_iterator at{directory, none}; !none && at != fs::directory_iterator{};
       at.increment(none))
    if (!at->path().filename().string().starts_with('.')) return true;
  return false;
}

fs::path path_of(const Descriptor& directory) { return "/proc/self/fd/" + std::to_string(directory.get()); }

// One name for it, however it was written.
fs::path named(const fs::path& directory) {
  const auto path = fs::absolute(directory).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

Error away(const std::string& what, int error_number) {
  Error error = file_error("object_store_unavailable", what, error_number);
  error.kind = Fault::unavailable;
  return error;
}

fs::path Root::Held::path() const { return directory_ ? path_of(directory_) : name_; }

Root::Root(Place place) : place_{named(place.directory), std::move(place.known), std::move(place.in_use)} {}

Result<Root::Held> Root::hold(Use use) {
  const auto before = known();
  if (!before) return before.error();
  auto found = find();
  if (!found) return found.error();
  if (!before->id.empty()) {
    if (found->marker == before->id) return Held{std::move(found->directory), place_.directory};
    if (!found->marker || !found->marker->empty()) return is_another(*found);
  } else if (!found->marker && !before->others &&
             !(found->directory && holds_anything(path_of(found->directory))) && place_.in_use()) {
    return misses("the database knows of recordings in " + place_.directory.string() + ", and " +
                  (found->directory ? "it is empty" : "it is not there"));
  }
  if (use == Use::keep) return take_up();
  return Held{std::move(found->directory), place_.directory};
}

Result<Root::Found> Root::find() const {
  Found found{Descriptor{::open(place_.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)}, {}};
  if (!found.directory && errno == ENOENT) return found;
  if (!found.directory)
    return away("the recordings' directory " + place_.directory.string() + " cannot be opened", errno);
  const Descriptor marker{::openat(found.directory.get(), marker_name, O_RDONLY | O_CLOEXEC)};
  if (!marker && errno == ENOENT) return found;
  if (!marker) return away((place_.directory / marker_name).string() + " cannot be opened", errno);
  auto text = read_whole(marker.get(), place_.directory / marker_name);
  if (!text) return text.error();
  while (text->ends_with('\n')) text->pop_back();
  // What a power cut may have left of one that was being made is as good as none.
  found.marker = is_sane_id(*text) ? std::move(*text) : std::string{};
  return found;
}

Result<Root::Known> Root::known() {
  {
    const std::lock_guard lock{mutex_};
    if (!id_.empty()) return Known{.id = id_};
  }
  const Descriptor file{::open(place_.known.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file && errno == ENOENT) return Known{};
  if (!file) return away(place_.known.string() + " cannot be opened", errno);
  const auto text = read_whole(file.get(), place_.known);
  if (!text) return text.error();
  Known out{.torn = !text->empty() && !text->ends_with('\n')};
  for (std::string_view rest = *text; rest.find('\n') != rest.npos;) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto space = line.find(' ');
    if (space == line.npos || !is_sane_id(line.substr(0, space))) continue;
    if (line.substr(space + 1) == place_.directory.native())
      out.id = line.substr(0, space);
    else
      out.others = true;
  }
  const std::lock_guard lock{mutex_};
  id_ = out.id;
  return out;
}

// One at a time, and each looks again: another may have been faster.
Result<Root::Held> Root::take_up() {
  const Descriptor list{::open(place_.known.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
  if (!list || ::flock(list.get(), LOCK_EX) != 0)
    return away(place_.known.string() + " cannot be written", errno);
  const auto before = known();
  if (!before) return before.error();
  if (before->id.empty() && !make_directories(place_.directory))
    return away("the recordings' directory " + place_.directory.string() + " cannot be made", errno);
  auto found = find();
  if (!found) return found.error();
  const bool is_marked = found->marker && !found->marker->empty();
  const bool is_ours = before->id.empty() ? bool(found->directory)
                                          : found->marker && (!is_marked || *found->marker == before->id);
  if (!is_ours) return is_another(*found);

  std::string id = is_marked ? *found->marker : !before->id.empty() ? before->id : make_ulid();
  if (!is_marked)
    if (auto marked = mark(*found, id); !marked) return marked.error();
  if (before->id.empty())
    if (!write_durably(list.get(),
                       (before->torn ? "\n" : "") + id + " " + place_.directory.string() + "\n") ||
        !sync_directory(place_.known.parent_path()))
      return away(place_.known.string() + " cannot be written", errno);
  const std::lock_guard lock{mutex_};
  id_ = std::move(id);
  return Held{std::move(found->directory), place_.directory};
}

Result<> Root::mark(const Found& found, const std::string& id) const {
  const int directory = found.directory.get();
  const char* name = found.marker ? new_marker_name : marker_name;
  const Descriptor file{
      ::openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC | (found.marker ? O_TRUNC : O_EXCL), 0600)};
  if (!file || !write_durably(file.get(), id + "\n") ||
      (found.marker && ::renameat(directory, name, directory, marker_name) != 0) ||
      !sync_directory(path_of(found.directory)))
    return away((place_.directory / marker_name).string() + " cannot be made", errno);
  return {};
}

Error Root::misses(const std::string& what) const {
  const auto directory = place_.directory.string(), marker = (place_.directory / marker_name).string();
  return unavailable("object_store_unavailable",
                     what +
                         ": mount it, or put it back. To go on with what is there now, run as the server's "
                         "user: mkdir -p '" +
                         directory + "' && : > '" + marker + "'");
}

Error Root::is_another(const Found& found) const {
  const auto where = place_.directory.string();
  if (!found.directory) return misses("the recordings' directory " + where + " is not there");
  return misses("what is at " + where + " is not the recordings' directory: its " + marker_name +
                (found.marker ? " is another's" : " is missing"));
}

}  // namespace voxanne::recordings
