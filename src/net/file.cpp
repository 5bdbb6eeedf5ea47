#include "net/http.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <charconv>

namespace voxanne::net {

namespace {

std::shared_ptr<const int> owned(int descriptor) {
  return {new int{descriptor}, [](const int* fd) {
            ::close(*fd);
            delete fd;
          }};
}

struct ByteRange {
  std::uint64_t first = 0, length = 0;
};

enum class RangeKind { whole, part, unsatisfiable };

bool read_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

// RFC 9110 §14.1.2. A header that cannot be read, or asks for several ranges, is ignored (§14.2).
RangeKind parse_range(std::string_view header, std::uint64_t size, ByteRange& range) {
  constexpr std::string_view unit = "bytes=";
  if (!equal_ignoring_case(header.substr(0, unit.size()), unit)) return RangeKind::whole;
  header.remove_prefix(unit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return RangeKind::whole;
  const auto first = header.substr(0, dash), last = header.substr(dash + 1);
  std::uint64_t from = 0, to = 0;
  if (first.empty()) {  // the last N bytes
    if (!read_number(last, to)) return RangeKind::whole;
    if (to == 0 || size == 0) return RangeKind::unsatisfiable;
    range.length = std::min(to, size);
    range.first = size - range.length;
    return RangeKind::part;
  }
  if (!read_number(first, from)) return RangeKind::whole;
  if (last.empty())
    to = size;
  else if (!read_number(last, to) || to < from)
    return RangeKind::whole;
  if (from >= size) return RangeKind::unsatisfiable;
  range.first = from;
  range.length = std::min(to, size - 1) - from + 1;
  return RangeKind::part;
}

}  // namespace

Result<FileRange> FileRange::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return not_found("file_not_found", "the file does not exist");
    return internal("file_unreadable", std::string{"the file cannot be opened: "} + std::strerror(errno));
  }
  FileRange file;
  file.file_ = owned(descriptor);
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    return internal("file_unreadable", "the path is not a regular file");
  file.length_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

FileRange::FileRange(int descriptor, std::uint64_t offset, std::uint64_t length)
    : file_(owned(descriptor)), offset_(offset), length_(length) {}

FileRange FileRange::part(std::uint64_t offset, std::uint64_t length) const {
  FileRange range = *this;
  offset = std::min(offset, length_);
  range.offset_ = offset_ + offset;
  range.length_ = std::min(length, length_ - offset);
  return range;
}

Response file_response(const Request& request, const FileRange& file, std::string_view content_type) {
  Response response;
  response.headers.add("Accept-Ranges", "bytes");
  ByteRange range;
  // If-Range would need a validator that we never sent: such a request gets the whole file.
  const bool ranged = request.headers.count("Range") == 1 && !request.headers.has("If-Range");
  const auto kind =
      ranged ? parse_range(request.headers.get("Range"), file.length(), range) : RangeKind::whole;
  const auto size = std::to_string(file.length());
  if (kind == RangeKind::unsatisfiable) {
    response.status = 416;
    response.headers.add("Content-Range", "bytes */" + size);
    return response;
  }
  response.headers.add("Content-Type", content_type);
  if (kind == RangeKind::part) {
    response.status = 206;
    response.headers.add("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                              std::to_string(range.first + range.length - 1) + "/" + size);
    response.body = file.part(range.first, range.length);
  } else {
    response.body = file;
  }
  return response;
}

}  // namespace voxanne::net
