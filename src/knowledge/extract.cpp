#include "knowledge/extract.h"

#include "base/json_text.h"
#include "knowledge/formats/confined_reader.h"
#include "knowledge/formats/pdf.h"

#include <algorithm>
#include <array>

namespace voxanne::knowledge {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

bool is_text_control(char c) { return c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\v'; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// Control characters that no text holds. A few stray ones are dropped; a NUL or many are a file of
// another kind that was given a text's name.
bool looks_binary(std::string_view bytes) {
  if (bytes.find('\0') != std::string_view::npos) return true;
  const auto strange =
      std::count_if(bytes.begin(), bytes.end(), [](char c) { return is_control(c) && !is_text_control(c); });
  return static_cast<std::size_t>(strange) > 4 + bytes.size() / 200;
}

struct Kind {
  Format format;
  std::string_view content_type;
  std::array<std::string_view, 3> endings;
};
constexpr std::array<Kind, 6> kinds{
    {{Format::text, "text/plain", {".txt", ".text"}},
     {Format::markdown, "text/markdown", {".md", ".markdown"}},
     {Format::html, "text/html", {".html", ".htm", ".xhtml"}},
     {Format::pdf, "application/pdf", {".pdf"}},
     {Format::docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", {".docx"}},
     {Format::csv, "text/csv", {".csv", ".tsv"}}}};

std::string_view content_type_of(Format format) {
  return std::ranges::find(kinds, format, &Kind::format)->content_type;
}

// UTF-8 with "\n" line ends and no control characters but those that the format means.
Result<std::string> clean_text(std::string_view bytes, bool pages) {
  if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
  if (looks_binary(bytes))
    return malformed("document_binary", "this is not a text file, whatever its name says");
  if (const auto valid = valid_utf8_prefix(bytes); valid != bytes.size())
    return malformed("document_not_utf8", "the text is not UTF-8 (first bad byte at offset " +
                                              std::to_string(valid) +
                                              "); save it as UTF-8 and upload it again");
  std::string out;
  out.reserve(bytes.size());
  bool blank = true;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    char c = bytes[i];
    if (c == '\r') {
      if (i + 1 < bytes.size() && bytes[i + 1] == '\n') continue;
      c = '\n';
    }
    const bool ends_page = pages && c == '\f';
    if ((c == '\f' || c == '\v') && !ends_page) c = '\n';
    if (is_control(c) && c != '\n' && c != '\t' && !ends_page) continue;
    if (c != '\n' && c != '\t' && c != ' ' && c != '\f') blank = false;
    out.push_back(c);
  }
  if (blank) return malformed("document_empty", "the document holds no text");
  return out;
}

// What a format's own reader makes of the bytes.
Result<std::string> read(Format format, std::string_view bytes, const std::vector<std::string>& reader) {
  const auto read_as = [&](const char* kind, std::string_view document) {
    return reader.empty() || !formats::confines_our_own ? formats::read_here(kind, document)
                                                        : formats::read_confined(reader, kind, document);
  };
  switch (format) {
    case Format::html:
      return read_as("html", bytes);
    case Format::docx:
      return read_as("docx", bytes);
    case Format::csv: {
      const auto text = clean_text(bytes, false);
      return text ? read_as("csv", *text) : text.error();
    }
    case Format::pdf:
      return formats::pdf_to_text(bytes);
    case Format::text:
    case Format::markdown:
      break;
  }
  return std::string{bytes};
}

}  // namespace

Result<Format> format_of(std::string_view file_name, std::string_view content_type) {
  const auto name = lower(file_name);
  for (const Kind& kind : kinds)
    for (const auto ending : kind.endings)
      if (!ending.empty() && name.ends_with(ending)) return kind.format;
  const auto type = lower(content_type.substr(0, content_type.find_first_of("; \t")));
  const bool named_otherwise = name.find('.') != std::string::npos;
  if (!named_otherwise)
    for (const Kind& kind : kinds)
      if (type == kind.content_type) return kind.format;
  return Error{
      Fault::unsupported_type, "document_type_unsupported",
      "what can be uploaded is text (.txt), Markdown (.md), web pages (.html), PDF (.pdf), Word (.docx) "
      "and tables (.csv); save the document as one of these"};
}

Result<Extracted> extract(Format format, std::string_view bytes, const std::vector<std::string>& reader) {
  if (bytes.size() > max_document_bytes)
    return Error{Fault::too_large, "document_too_large",
                 "a document may have at most 25 MB; split it into several"};
  const bool is_text = format == Format::text || format == Format::markdown;
  Extracted out{
      is_text || format == Format::pdf ? format : Format::markdown, std::string{content_type_of(format)}, {}};
  const auto foreign = is_text ? Result<std::string>{std::string{}} : read(format, bytes, reader);
  if (!foreign) return foreign.error();
  auto text = clean_text(is_text ? bytes : std::string_view{*foreign}, format == Format::pdf);
  if (!text) return text.error();
  out.text = std::move(*text);
  return out;
}

}  // namespace voxanne::knowledge
