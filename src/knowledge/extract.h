// An uploaded file → its text as UTF-8 with "\n" line ends, without byte order mark and control characters.
// Plain text stays as it is; Markdown (RFC 7763) keeps its marks, which the chunker reads; web pages, Word
// documents and tables become Markdown; a PDF becomes plain text whose pages end with form feeds.
//
// All but text and Markdown are read by child processes, within bounds, and block for seconds: call it on a
// worker.
#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge {

enum class Format { text, markdown, html, pdf, docx, csv };

inline constexpr std::size_t max_document_bytes = 25u << 20;

struct Extracted {
  Format format = Format::text;  // of the text: text, markdown, or pdf, which has pages
  std::string content_type;      // of the file: "text/plain", "application/pdf", …
  std::string text;
};

// The format by file name (.txt, .md, .html, .pdf, .docx, .csv), else by content type, which may carry
// parameters. Errors: unsupported_type (document_type_unsupported).
Result<Format> format_of(std::string_view file_name, std::string_view content_type);

// `reader` is the command of the confined child that reads web pages, Word documents and tables
// (knowledge/formats/confined_reader.h); empty: they are read here, for fuzzers and for documents of our own.
//
// Errors: too_large (document_too_large), malformed (document_empty, document_binary, document_not_utf8 with
// the offset of the first bad byte), and those of knowledge/formats/, each of which says how to mend it.
Result<Extracted> extract(Format format, std::string_view bytes, const std::vector<std::string>& reader = {});

}  // namespace voxanne::knowledge
