#include "base/json_text.h"
#include "knowledge/formats/csv.h"

#include <cstdint>
#include <cstdlib>

// Any text becomes rows within bounds, and Markdown that is as much UTF-8 as the text was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  using namespace voxanne::knowledge::formats;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto rows = read_csv(text);
  const auto markdown = csv_to_markdown(text);
  if (rows.has_value() != markdown.has_value()) std::abort();
  if (!rows) return 0;
  std::size_t cells = 0;
  for (const auto& row : *rows) {
    if (row.empty() || row.size() > max_csv_columns + 1) std::abort();
    for (const auto& cell : row) cells += cell.size();
  }
  if (cells > size || !is_valid_utf8(*markdown)) std::abort();
  return 0;
}
