#include "base/json_text.h"
#include "knowledge/formats/docx.h"

#include <cstdint>
#include <cstdlib>

// As an archive, and as the part that an archive would hold (its compression keeps a fuzzer from ever getting
// there): UTF-8 or an error. What follows a NUL is the styles.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  using namespace voxanne::knowledge::formats;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const auto archive = docx_to_markdown(bytes);
  if (archive && !is_valid_utf8(*archive)) std::abort();
  const auto nul = bytes.find('\0');
  const auto parts = docx_parts_to_markdown(bytes.substr(0, nul),
                                            nul == bytes.npos ? std::string_view{} : bytes.substr(nul + 1));
  if (parts && !is_valid_utf8(*parts)) std::abort();
  return 0;
}
