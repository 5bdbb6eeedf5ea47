#include "store/journal/segments.h"

#include "base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace voxanne::store {
namespace fs = std::filesystem;
namespace {

Error io_error(const std::string& what, int error) {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG)
    return {Fault::unavailable, "disk_full", "the disk that holds the journal is full, free some space",
            std::chrono::seconds{1}};
  return {Fault::unavailable, "journal_io_error", what + ": " + std::strerror(error),
          std::chrono::seconds{1}};
}

// Everything, or errno.
int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return 0;
}

bool sync_directory(const fs::path& directory) {
  const int opened = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return false;
  const bool synced = ::fsync(opened) == 0;
  ::close(opened);
  return synced;
}

Result<std::string> read_from(const fs::path& path, std::uint64_t offset, std::uint64_t end) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return io_error("opening " + path.string(), errno);
  std::string bytes(end - offset, '\0');
  std::size_t done = 0;
  int error = 0;
  while (done < bytes.size() && error == 0) {
    const ssize_t got =
        ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) error = errno;
    if (got == 0) break;  // shorter than it was: what is missing is found to be torn
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  ::close(file);
  if (error != 0) return io_error("reading " + path.string(), error);
  bytes.resize(done);
  return bytes;
}

// Whole files of ours only: NNNNNN.journal.
std::optional<int> number_of(const fs::path& path) {
  if (path.extension() != ".journal") return std::nullopt;
  const std::string stem = path.stem().string();
  int number = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  if (error != std::errc{} || end != stem.data() + stem.size() || number <= 0) return std::nullopt;
  return number;
}

}  // namespace

bool holds_segments(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{directory, error})
    if (number_of(entry.path())) return true;
  return false;
}

Segments::Segments(Options options) : options_(std::move(options)) {}
Segments::Segments(Segments&& other) noexcept
    : options_(std::move(other.options_)),
      segments_(std::move(other.segments_)),
      pending_(other.pending_),
      next_number_(other.next_number_),
      active_(std::exchange(other.active_, -1)) {}
Segments::~Segments() { end_segment(); }

void Segments::step(std::string_view name) const {
  if (options_.before) options_.before(name);
}

fs::path Segments::path_of(int number) const {
  char name[32];
  std::snprintf(name, sizeof name, "%06d.journal", number);
  return options_.directory / name;
}

Result<Segments> Segments::open(Options options) {
  Segments segments{std::move(options)};
  const fs::path& directory = segments.options_.directory;
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return io_error("making " + directory.string(), errno);
  std::vector<int> numbers;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{directory, error})
    if (const auto number = number_of(entry.path())) numbers.push_back(*number);
  if (error) return io_error("listing " + directory.string(), error.value());
  std::ranges::sort(numbers);
  for (const int number : numbers)
    if (auto scanned = segments.scan(number); !scanned) return scanned.error();
  segments.remove_finished();
  return segments;
}

// Finds where whole frames end, cuts off what follows, and counts.
Result<> Segments::scan(int number) {
  const fs::path path = path_of(number);
  next_number_ = number + 1;
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return io_error("reading " + path.string(), error.value());
  const auto bytes = read_from(path, 0, size);
  if (!bytes) return bytes.error();
  const auto header = parse_segment_header(*bytes);
  std::size_t at = header ? header->bytes : 0;
  if (!header) {
    // Died before the header was whole: then there is no frame either. Otherwise it is damage, and the
    // frames behind it count.
    const Found first = next_frame(*bytes);
    if (first.kind == Found::Kind::torn || first.kind == Found::Kind::end) {
      log::warning("journal.torn", {{"segment", number}, {"bytes", bytes->size()}});
      fs::remove(path, error);
      return {};
    }
  } else if (header->database != options_.database) {
    return Error{Fault::conflict, "journal_of_other_database",
                 options_.directory.string() +
                     " holds records that wait for another database than the one that is there: put the "
                     "original (or its backup) back, or move the directory away to give them up"};
  }
  Segment segment{.number = number, .bytes = 0, .read = at};
  for (;;) {
    const Found found = next_frame(std::string_view{*bytes}.substr(at));
    if (found.kind == Found::Kind::end) break;
    if (found.kind == Found::Kind::torn) {
      log::warning("journal.torn", {{"segment", number}, {"bytes", found.bytes}});
      if (::truncate(path.c_str(), static_cast<off_t>(at)) != 0)
        return io_error("cutting " + path.string(), errno);
      break;
    }
    segment.unread += found.kind == Found::Kind::frame;
    at += found.bytes;
  }
  segment.bytes = at;
  pending_ += segment.unread;
  segments_.push_back(segment);
  return {};
}

std::uint64_t Segments::total_bytes() const {
  std::uint64_t total = 0;
  for (const Segment& segment : segments_) total += segment.bytes;
  return total;
}

Result<> Segments::begin_segment() {
  step("create");
  const int number = next_number_++;
  const fs::path path = path_of(number);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return io_error("making " + path.string(), errno);
  const std::string header = segment_header(options_.database);
  int error = write_all(file, header);
  step("created");
  if (error == 0 && !sync_directory(options_.directory)) error = errno;
  if (error != 0) {
    ::close(file);
    ::unlink(path.c_str());
    return io_error("making " + path.string(), error);
  }
  active_ = file;
  segments_.push_back({.number = number, .bytes = header.size(), .read = header.size()});
  return {};
}

void Segments::end_segment() {
  if (active_ >= 0) ::close(std::exchange(active_, -1));
}

Result<> Segments::append(std::span<const std::string> payloads) {
  std::string bytes;
  for (const std::string& payload : payloads) append_frame(bytes, payload);
  if (total_bytes() + bytes.size() > options_.max_bytes)
    return Error{Fault::unavailable, "journal_full",
                 "the journal has as many records as it may hold (" +
                     std::to_string(options_.max_bytes >> 20) + " MiB): bring the database back",
                 std::chrono::seconds{1}};
  if (active_ >= 0 && segments_.back().bytes >= options_.segment_bytes) end_segment();
  if (active_ < 0)
    if (auto begun = begin_segment(); !begun) return begun;
  if (auto written = write(bytes); !written) return written;
  Segment& segment = segments_.back();
  segment.bytes += bytes.size();
  segment.unread += payloads.size();
  pending_ += payloads.size();
  return {};
}

Result<> Segments::write(std::string_view bytes) {
  step("write");
  int error = write_all(active_, bytes);
  step("sync");
  if (error == 0 && ::fdatasync(active_) != 0) error = errno;
  step("synced");
  if (error == 0) return {};
  // After a failed sync nobody knows what the disk holds: nothing is appended to this file any more.
  const int cut = ::ftruncate(active_, static_cast<off_t>(segments_.back().bytes));
  if (cut != 0) log::warning("journal.not_cut", {{"segment", segments_.back().number}});
  end_segment();
  return io_error("writing " + path_of(segments_.back().number).string(), error);
}

Result<std::vector<std::string>> Segments::read() {
  std::vector<std::string> payloads;
  for (Segment& segment : segments_) {
    if (segment.read == segment.bytes) continue;
    const auto bytes = read_from(path_of(segment.number), segment.read, segment.bytes);
    if (!bytes) return bytes.error();
    std::string_view rest{*bytes};
    std::size_t whole = 0;
    for (;;) {
      const Found found = next_frame(rest);
      if (found.kind == Found::Kind::end) break;
      if (found.kind == Found::Kind::frame)
        payloads.emplace_back(found.payload), ++whole;
      else
        keep_damaged(segment.number, segment.bytes - rest.size(), rest.substr(0, found.bytes));
      rest.remove_prefix(found.bytes);
    }
    segment.read = segment.bytes;
    pending_ -= segment.unread - std::min(segment.unread, whole);  // less what turned out damaged
    segment.unread = 0;
    segment.outstanding += whole;
    if (!payloads.empty()) break;
  }
  if (payloads.empty()) remove_finished();
  return payloads;
}

void Segments::done(std::size_t frames) {
  for (Segment& segment : segments_) {
    const std::size_t of_it = std::min(frames, segment.outstanding);
    segment.outstanding -= of_it;
    pending_ -= of_it;
    frames -= of_it;
  }
  remove_finished();
}

void Segments::remove_finished() {
  while (!segments_.empty()) {
    const Segment& oldest = segments_.front();
    if (oldest.read != oldest.bytes || oldest.outstanding > 0) return;
    if (segments_.size() == 1) end_segment();  // the next append begins another
    step("remove");
    ::unlink(path_of(oldest.number).c_str());
    segments_.pop_front();
  }
}

void Segments::keep_damaged(int number, std::uint64_t offset, std::string_view bytes) const {
  fs::path path =
      options_.directory / (path_of(number).stem().string() + "-" + std::to_string(offset) + ".bad");
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool kept = file >= 0 && write_all(file, bytes) == 0 && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  log::error("journal.damaged",
             {{"file", path.filename().string()}, {"bytes", bytes.size()}, {"kept", kept}});
}

void Segments::set_aside(std::string_view payload) {
  std::string frame;
  append_frame(frame, payload);
  const fs::path path = options_.directory / "refused.bad";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const bool kept = file >= 0 && write_all(file, frame) == 0 && ::fdatasync(file) == 0;
  if (file >= 0) ::close(file);
  if (!kept) log::error("journal.not_set_aside", {{"bytes", payload.size()}});
}

}  // namespace voxanne::store
