// A document's text → chunks small enough to hold one answer: one to three sentences under their
// headings, at most max_chunk_bytes. Pure; linear in the text.
//
// Markdown headings (# and underlined) become the chunk's heading path; each list item, table row
// and paragraph begins a chunk of its own unless it is short enough to share one. A table row is
// said as "First cell: second, third". Rules, HTML comments and the marks of code are left out, but not what
// is marked as code: people paste whole documents between such marks. Plain text is paragraphs; it has no
// headings. Headings are cut, since every chunk repeats its own: what the chunks take together is bounded by
// their number, whatever the document.
#pragma once

#include "knowledge/extract.h"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge {

inline constexpr std::size_t max_chunk_bytes = 800;
// Of one heading, and of a path of them, which loses its outermost ones first.
inline constexpr std::size_t max_heading_bytes = 200, max_heading_path_bytes = 600;

inline constexpr std::string_view heading_separator = " › ";

struct Piece {
  std::string heading;     // the headings above it, outermost first, joined by the separator
  std::string text;        // plain sentences joined by blanks
  std::size_t offset = 0;  // in the text, of its first line
  std::size_t end = 0;     // and behind its last
  int page = 0;            // from 1, where a form feed ends each; 0: the text has no pages
};

// The first `most` of them; the rest of the text is not read.
std::vector<Piece> chunk(Format format, const std::string& text,
                         std::size_t most = std::numeric_limits<std::size_t>::max());

}  // namespace voxanne::knowledge
