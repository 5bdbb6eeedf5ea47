#include "recordings/spool_file.h"

#include "recordings/key.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace voxanne::recordings {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::uint64_t slots_per_mark = 50;

// Fills `to`; less only at the end of the file.
Result<std::size_t> read_at(int fd, std::span<std::byte> to, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < to.size()) {
    const ssize_t got = pread(fd, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("spool_read_failed", "the spool file cannot be read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// A range-based for would throw in its middle.
template <class F>
void each_entry(const std::filesystem::path& directory, F f) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry{directory, error}, end; !error && entry != end;
       entry.increment(error))
    f(*entry);
}

}  // namespace

std::filesystem::path spool_path(const std::filesystem::path& spool, const OrgId& org, const CallId& call) {
  if (!is_sane_id(org.str()) || !is_sane_id(call.str()))
    throw std::invalid_argument("a recording's ids must be usable as file names");
  return spool / org.str() / (call.str() + ".spool");
}

SpoolListing list_spool(const std::filesystem::path& spool) {
  SpoolListing out;
  each_entry(spool, [&](const std::filesystem::directory_entry& directory) {
    const auto org = directory.path().filename().string();
    std::error_code error;
    if (!is_sane_id(org) || !directory.is_directory(error)) return;
    each_entry(directory.path(), [&](const std::filesystem::directory_entry& entry) {
      const auto& path = entry.path();
      const auto call = path.stem().string();
      if (path.extension() == ".spool" && is_sane_id(call))
        out.spooled.push_back({OrgId{org}, CallId{call}, path});
      else if (path.extension() == ".new" || path.extension() == ".ogg")
        out.strays.push_back(path);
    });
  });
  return out;
}

Result<Descriptor> create_spool(const std::filesystem::path& path, const SpoolHeader& header) {
  const auto failed = [&](const char* what, int error_number) {
    Error error = file_error("spool_write_failed", what, error_number);
    error.kind = Fault::unavailable;
    return error;
  };
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);  // open() tells if it failed
  auto fresh = path;
  fresh += ".new";
  Descriptor file{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (!file) return failed("the spool file cannot be created", errno);
  const auto give_up = [&](Error error) {
    ::unlink(fresh.c_str());
    return error;
  };
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return Error{Fault::conflict, "spool_exists", "this call is already being recorded"};
  const auto bytes = encode_header(header);
  if (ftruncate(file.get(), 0) != 0) return give_up(failed("the spool file cannot be emptied", errno));
  const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
  if (written != static_cast<ssize_t>(bytes.size()))
    return give_up(failed("the spool file's header cannot be written", written < 0 ? errno : ENOSPC));
  // link() refuses to replace, which rename() would not.
  if (::link(fresh.c_str(), path.c_str()) != 0) {
    if (errno == EEXIST)
      return give_up({Fault::conflict, "spool_exists", "this call already has a recording in the spool"});
    return give_up(failed("the spool file cannot be given its name", errno));
  }
  ::unlink(fresh.c_str());
  return file;
}

Result<std::optional<Descriptor>> lock_spool(const std::filesystem::path& path) {
  Descriptor file{::open(path.c_str(), O_RDWR | O_CLOEXEC)};
  if (!file)
    return file_error(errno == ENOENT ? "spool_missing" : "spool_read_failed",
                      "the spool file cannot be opened", errno);
  if (flock(file.get(), LOCK_EX | LOCK_NB) == 0) return std::optional{std::move(file)};
  if (errno == EWOULDBLOCK) return std::optional<Descriptor>{};
  return file_error("spool_read_failed", "the spool file cannot be locked", errno);
}

SpoolReader::SpoolReader(Descriptor file, SpoolHeader header, std::uint64_t first_record)
    : file_(std::move(file)), header_(std::move(header)), first_record_(first_record), buffer_(buffer_bytes) {
  restart({0, first_record_, 0});
}

Result<SpoolReader> SpoolReader::open(const std::filesystem::path& path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file)
    return file_error(errno == ENOENT ? "spool_missing" : "spool_read_failed",
                      "the spool file cannot be opened", errno);
  std::array<std::byte, max_header_bytes> bytes;
  const auto got = read_at(file.get(), bytes, 0);
  if (!got) return got.error();
  auto parsed = parse_header({bytes.data(), *got});
  if (!parsed) return parsed.error();
  return SpoolReader{std::move(file), std::move(parsed->header), parsed->bytes};
}

// The next record, or the damage before it.
Result<std::optional<Record>> SpoolReader::advance() {
  for (std::uint64_t passed = 0;;) {
    const auto is_all = fill();
    if (!is_all) return is_all.error();
    const auto rest = Bytes{buffer_}.subspan(begin_, end_ - begin_);
    const auto found = next_record(rest, header_.rate, slots_, passed);
    if (found) {
      take(found->bytes - passed);
      slots_ += found->slots;
      return found;
    }
    if (*is_all) {
      if (passed > 0) restart({slots_, offset_ - passed, 0});
      return std::optional<Record>{};
    }
    // A record that begins in the last of these bytes is not all here yet.
    const auto looked_at = rest.size() - max_record_bytes(header_.rate) + 1;
    take(looked_at);
    passed += looked_at;
  }
}

// Makes sure of two records' room; whether all that is left of the file is in the buffer.
Result<bool> SpoolReader::fill() {
  if (end_ - begin_ >= 2 * max_record_bytes(header_.rate)) return false;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const auto got = read_at(file_.get(), std::span{buffer_}.subspan(end_), offset_ + end_);
  if (!got) return got.error();
  end_ += *got;
  return end_ < buffer_.size();
}

void SpoolReader::take(std::uint64_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
}

void SpoolReader::restart(const Mark& from) {
  begin_ = end_ = 0;
  offset_ = from.offset;
  slots_ = from.slot + from.missing;
  run_kind_ = Record::Kind::damaged;
  run_left_ = from.missing;
}

Result<bool> SpoolReader::next(Slot& out) {
  Record record;
  while (run_left_ == 0) {  // damage may have cost no slot
    const auto read = advance();
    if (!read) return read.error();
    if (!*read) return false;
    record = **read;
    run_kind_ = record.kind;
    run_left_ = record.slots;
  }
  --run_left_;
  out.lost = run_kind_ == Record::Kind::lost || run_kind_ == Record::Kind::damaged;
  decode_frame(record.caller, header_.rate, out.caller);
  decode_frame(record.assistant, header_.rate, out.assistant);
  return true;
}

Result<SpoolReader::Summary> SpoolReader::scan() {
  Summary summary;
  marks_.clear();
  restart({0, first_record_, 0});
  for (;;) {
    if (marks_.empty() || slots_ >= marks_.back().slot + slots_per_mark)
      marks_.push_back({slots_, offset_, 0});
    const auto read = advance();
    if (!read) return read.error();
    const auto& record = *read;
    if (!record) break;
    if (record->kind == Record::Kind::lost) summary.lost += record->slots;
    if (record->kind != Record::Kind::damaged) continue;
    summary.lost += record->slots;
    summary.damaged += record->slots;
    summary.damaged_bytes += record->bytes;
    // So that nobody who seeks behind it looks through it again.
    marks_.push_back({slots_ - record->slots, offset_, record->slots});
  }
  summary.slots = slots_;
  summary.valid_bytes = offset_;
  struct stat status{};
  if (fstat(file_.get(), &status) == 0) summary.file_bytes = static_cast<std::uint64_t>(status.st_size);
  restart({0, first_record_, 0});
  return summary;
}

Result<> SpoolReader::seek(std::uint64_t slot) {
  const auto after =
      std::upper_bound(marks_.begin(), marks_.end(), slot,
                       [](std::uint64_t value, const Mark& mark) { return value < mark.slot; });
  const Mark from = after == marks_.begin() ? Mark{0, first_record_, 0} : *std::prev(after);
  restart(from);
  for (std::uint64_t at = from.slot;;) {
    const auto skipped = std::min(run_left_, slot - at);
    at += skipped;
    run_left_ -= skipped;
    if (at == slot) break;
    const auto read = advance();
    if (!read) return read.error();
    const auto& record = *read;
    if (!record) break;
    run_kind_ = record->kind;
    run_left_ = record->slots;
  }
  return {};
}

Result<SpoolReader::Summary> repair_spool(const std::filesystem::path& path) {
  auto reader = SpoolReader::open(path);
  if (!reader) return reader.error();
  auto summary = reader->scan();
  if (summary && summary->file_bytes > summary->valid_bytes) {
    if (::truncate(path.c_str(), static_cast<off_t>(summary->valid_bytes)) != 0)
      return file_error("spool_write_failed", "the torn end cannot be cut off", errno);
    summary->file_bytes = summary->valid_bytes;
  }
  return summary;
}

}  // namespace voxanne::recordings
