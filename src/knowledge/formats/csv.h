// Comma-separated values (RFC 4180) → Markdown: a paragraph for each row, in which every value is said with
// its column's name, "Crown: Price £650, Time 60 minutes". The separator may be a comma, a semicolon or a
// tab, whichever is in the first line most often. Pure; linear, one row at a time.
//
// Errors: malformed (csv_quote_open, with the line it was opened in), impossible (csv_too_wide), too_large
// (csv_text_too_large: columns' names are repeated in every row).
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge::formats {

inline constexpr std::size_t max_csv_columns = 200;
inline constexpr std::size_t max_csv_markdown = 32u << 20;

Result<std::vector<std::vector<std::string>>> read_csv(std::string_view text);
// `text` is UTF-8 without byte order mark.
Result<std::string> csv_to_markdown(std::string_view text);

}  // namespace voxanne::knowledge::formats
