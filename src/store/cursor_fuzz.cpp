// Whatever parses is a cursor that prints and parses back to itself.
#include "store/cursor.h"
#include "store/key_page.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::store;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto cursor = parse_cursor(text)) {
    const auto again = parse_cursor(to_string(*cursor));
    if (!again || *again != *cursor || cursor->seq < 0 || cursor->created_at < 0) std::abort();
  }
  if (const auto key = parse_key_cursor(text)) {
    const auto again = parse_key_cursor(key_cursor(*key));
    if (!again || *again != *key || key->empty()) std::abort();
  }
  return 0;
}
