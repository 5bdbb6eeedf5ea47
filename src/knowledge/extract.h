// An uploaded file → its text. Plain text and Markdown (RFC 7763) for now: both come out as UTF-8
// with "\n" line ends, without byte order mark and control characters; Markdown keeps its marks,
// which the chunker reads. Pure; linear in the input.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>

namespace voxanne::knowledge {

enum class Format { text, markdown };

inline constexpr std::size_t max_document_bytes = 25u << 20;

struct Extracted {
  Format format = Format::text;
  std::string content_type;  // "text/plain" or "text/markdown"
  std::string text;
};

// The format by file name (.md, .markdown, .txt), else by content type, which may carry parameters.
// Errors: unsupported_type (document_type_unsupported).
Result<Format> format_of(std::string_view file_name, std::string_view content_type);

// Errors: too_large (document_too_large), malformed (document_empty, document_binary,
// document_not_utf8 with the offset of the first bad byte).
Result<Extracted> extract(Format format, std::string_view bytes);

}  // namespace voxanne::knowledge
