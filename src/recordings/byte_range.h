// The Range header of HTTP (RFC 9110 §14): which bytes of a representation are asked for. Pure.
//
// One range is served as 206; several are ignored, as §14.2 permits, and so is what is not a valid
// Range: the answer is then the whole representation with 200.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace voxanne::recordings {

struct RangeAnswer {
  enum class Kind {
    whole,          // 200
    partial,        // 206 with content_range()
    unsatisfiable,  // 416 with content_range()
  } kind = Kind::whole;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};

// `header` is the field's value, empty where there is none; `size` that of the representation.
RangeAnswer parse_range(std::string_view header, std::uint64_t size);

// "bytes 0-99/1234", or "bytes */1234" where nothing can be satisfied.
std::string content_range(const RangeAnswer& answer, std::uint64_t size);

}  // namespace voxanne::recordings
