// A Word document (Office Open XML, ECMA-376) → Markdown: headings by their outline level, list items, table
// rows, paragraphs. Unpacked by libzip within bounds, read by pugixml, which expands no entities.
//
// Errors: malformed (docx_unreadable, docx_encrypted, word_binary), too_large (docx_unpacks_too_large).
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace voxanne::knowledge::formats {

// Of a part once it is unpacked, whatever the archive says: a bomb ends here.
inline constexpr std::size_t max_docx_part = 64u << 20;

Result<std::string> docx_to_markdown(std::string_view bytes);

// word/document.xml, with word/styles.xml (or nothing) for which styles are headings.
Result<std::string> docx_parts_to_markdown(std::string_view document, std::string_view styles);

}  // namespace voxanne::knowledge::formats
