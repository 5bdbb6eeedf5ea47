#include "knowledge/extract.h"

#include "base/json_text.h"

#include <algorithm>

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

}  // namespace

Result<Format> format_of(std::string_view file_name, std::string_view content_type) {
  const auto name = lower(file_name);
  if (name.ends_with(".md") || name.ends_with(".markdown")) return Format::markdown;
  if (name.ends_with(".txt") || name.ends_with(".text")) return Format::text;
  const auto type = lower(content_type.substr(0, content_type.find_first_of("; \t")));
  const bool named_otherwise = name.find('.') != std::string::npos;
  if (!named_otherwise && type == "text/markdown") return Format::markdown;
  if (!named_otherwise && type == "text/plain") return Format::text;
  return Error{
      Fault::unsupported_type, "document_type_unsupported",
      "only plain text (.txt) and Markdown (.md) can be uploaded; save the document as one of these"};
}

Result<Extracted> extract(Format format, std::string_view bytes) {
  if (bytes.size() > max_document_bytes)
    return Error{Fault::too_large, "document_too_large",
                 "a document may have at most 25 MB; split it into several"};
  if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(byte_order_mark.size());
  if (looks_binary(bytes))
    return malformed("document_binary", "this is not a text file, whatever its name says");
  if (const auto valid = valid_utf8_prefix(bytes); valid != bytes.size())
    return malformed("document_not_utf8", "the text is not UTF-8 (first bad byte at offset " +
                                              std::to_string(valid) +
                                              "); save it as UTF-8 and upload it again");

  Extracted out{format, format == Format::markdown ? "text/markdown" : "text/plain", {}};
  out.text.reserve(bytes.size());
  bool blank = true;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    char c = bytes[i];
    if (c == '\r') {
      if (i + 1 < bytes.size() && bytes[i + 1] == '\n') continue;
      c = '\n';
    }
    if (c == '\f' || c == '\v') c = '\n';
    if (is_control(c) && c != '\n' && c != '\t') continue;
    if (c != '\n' && c != '\t' && c != ' ') blank = false;
    out.text.push_back(c);
  }
  if (blank) return malformed("document_empty", "the document holds no text");
  return out;
}

}  // namespace voxanne::knowledge
