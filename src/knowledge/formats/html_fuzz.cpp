#include "base/json_text.h"
#include "knowledge/formats/html.h"

#include <cstdint>
#include <cstdlib>

// Any page becomes UTF-8 or an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  const auto markdown = knowledge::formats::html_to_markdown({reinterpret_cast<const char*>(data), size});
  if (markdown && !is_valid_utf8(*markdown)) std::abort();
  return 0;
}
