// Whatever a disk gives back is read to its end, in steps that go forward and stay inside, and what is
// read as a frame is one when written again.
#include "store/journal/frame.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::store;
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  if (const auto header = parse_segment_header(rest)) {
    if (header->bytes > rest.size() || segment_header(header->database) != rest.substr(0, header->bytes))
      std::abort();
    rest.remove_prefix(header->bytes);
  }
  for (;;) {
    const Found found = next_frame(rest);
    if (found.kind == Found::Kind::end) break;
    if (found.bytes == 0 || found.bytes > rest.size()) std::abort();
    if (found.kind == Found::Kind::frame) {
      std::string again;
      append_frame(again, found.payload);
      if (again != rest.substr(0, found.bytes)) std::abort();
    }
    rest.remove_prefix(found.bytes);
  }
  return 0;
}
