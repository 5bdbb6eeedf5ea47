// A web page → Markdown: headings, paragraphs, list items and table rows, without what is for machines
// (scripts, styles) or for finding one's way (navigation, forms). Read by libxml2's forgiving parser, which
// fetches nothing and expands no entities of the page's own.
//
// Errors: too_large (html_too_large), malformed (html_unreadable).
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace voxanne::knowledge::formats {

inline constexpr std::size_t max_html_bytes = 10u << 20;

// Any encoding that the page declares; UTF-8 where it declares none.
Result<std::string> html_to_markdown(std::string_view bytes);

}  // namespace voxanne::knowledge::formats
