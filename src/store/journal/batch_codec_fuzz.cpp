// Whatever is read as a batch is written as the same bytes again.
#include "store/journal/batch_codec.h"
#include "store/statements.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne::store;
  static const Catalogue catalogue = catalogue_of(all_statements());
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  if (const auto batch = decode_batch(bytes, catalogue))
    if (encode_batch(*batch) != bytes) std::abort();
  return 0;
}
