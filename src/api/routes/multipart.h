// multipart/form-data (RFC 7578, framing of RFC 2046 §5.1): a pure, bounded parser. The parts' data
// are views into the body that was given.
//
//   auto parts = parse_multipart(request.headers.get("content-type"), request.body);
//
// At most 32 parts, each with at most 16 header fields and 8 KiB of them. `filename*` is ignored, as
// RFC 7578 §4.2 demands. Errors: unsupported_type (unsupported_media_type), malformed
// (invalid_multipart).
#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::api {

struct Part {
  std::string name;
  std::optional<std::string> filename;  // its last path segment, valid UTF-8 without control characters
  std::string content_type;             // as sent; text/plain when none was
  std::string_view data;
};

// What parts the body, where it is multipart/form-data with a valid boundary; else empty.
std::string multipart_boundary(std::string_view content_type);

Result<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body);

}  // namespace voxanne::api
