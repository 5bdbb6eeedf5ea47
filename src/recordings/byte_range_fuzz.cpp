#include "recordings/byte_range.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>

// The first eight bytes are the representation's size, the rest the header.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  using namespace voxanne::recordings;
  std::uint64_t size = 0;
  if (bytes < sizeof size) return 0;
  std::memcpy(&size, data, sizeof size);
  const auto answer =
      parse_range({reinterpret_cast<const char*>(data) + sizeof size, bytes - sizeof size}, size);
  if (answer.kind == RangeAnswer::Kind::partial &&
      (answer.length == 0 || answer.first >= size || answer.length > size - answer.first))
    std::abort();
  if (answer.kind != RangeAnswer::Kind::whole && content_range(answer, size).empty()) std::abort();
  return 0;
}
