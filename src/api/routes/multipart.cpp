#include "api/routes/multipart.h"

#include "base/json_text.h"

#include <algorithm>

namespace voxanne::api {
namespace {

constexpr std::size_t max_parts = 32, max_fields = 16, max_part_header = 8 * 1024;

Error invalid(std::string what) {
  return malformed("invalid_multipart", "multipart body: " + std::move(what));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }
bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}
std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// RFC 2046 §5.1.1
constexpr std::string_view form_data = "multipart/form-data";

bool is_boundary(std::string_view text) {
  return !text.empty() && text.size() <= 70 && text.back() != ' ' &&
         text.find_first_not_of(
             "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ") ==
             std::string_view::npos;
}

// `value; name=token; name="quoted"`: calls visit(name, value) for each parameter; false when the
// text does not follow that grammar.
template <class Visit>
bool for_parameters(std::string_view text, std::string_view& value, Visit visit) {
  const std::size_t end = std::min(text.find(';'), text.size());
  value = trim(text.substr(0, end));
  text.remove_prefix(end);
  while (!(text = trim(text)).empty()) {
    if (text.front() != ';') return false;
    text = trim(text.substr(1));
    if (text.empty()) break;  // a trailing semicolon, which some clients send
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = trim(text.substr(0, equals));
    text = trim(text.substr(equals + 1));
    std::string content;
    if (!text.empty() && text.front() == '"') {
      std::size_t at = 1;
      for (;; ++at) {
        if (at >= text.size()) return false;
        if (text[at] == '"') break;
        // Only these two are escapes: a backslash in a Windows path stands for itself.
        if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\')) ++at;
        content.push_back(text[at]);
      }
      text.remove_prefix(at + 1);
    } else {
      const std::size_t stop = std::min(text.find(';'), text.size());
      content = trim(text.substr(0, stop));
      text.remove_prefix(stop);
    }
    visit(name, std::move(content));
  }
  return true;
}

// Browsers write these three as percent escapes inside the quotes (WHATWG HTML, form submission).
void undo_form_escapes(std::string& text) {
  for (const auto& [escape, plain] : {std::pair{"%22", "\""}, {"%0D", "\r"}, {"%0A", "\n"}})
    for (std::size_t at = 0; (at = text.find(escape, at)) != std::string::npos; ++at)
      text.replace(at, 3, plain);
}

std::string last_segment(std::string name) {
  if (const std::size_t slash = name.find_last_of("/\\"); slash != std::string::npos)
    name.erase(0, slash + 1);
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return name;
}

Result<> read_disposition(std::string_view text, Part& part) {
  std::string_view kind;
  bool named = false;
  const bool readable = for_parameters(text, kind, [&](std::string_view name, std::string value) {
    undo_form_escapes(value);
    if (same_word(name, "name")) {
      part.name = std::move(value);
      named = true;
    } else if (same_word(name, "filename")) {
      part.filename = last_segment(std::move(value));
    }
  });
  if (!readable || !same_word(kind, "form-data") || !named)
    return invalid("a part needs Content-Disposition: form-data with a name");
  if (!is_valid_utf8(part.name) || (part.filename && !is_valid_utf8(*part.filename)))
    return invalid("names must be UTF-8");
  return {};
}

Result<Part> read_fields(std::string_view header) {
  Part part{.name = {}, .filename = {}, .content_type = "text/plain", .data = {}};
  bool disposed = false;
  std::size_t fields = 0;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + 2, header.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return invalid("a part's header line has no name");
    if (++fields > max_fields) return invalid("a part has over 16 header fields");
    const std::string_view name = line.substr(0, colon), value = trim(line.substr(colon + 1));
    if (same_word(name, "content-disposition")) {
      if (disposed) return invalid("a part has two Content-Disposition fields");
      if (auto read = read_disposition(value, part); !read) return read.error();
      disposed = true;
    } else if (same_word(name, "content-type")) {
      part.content_type = value;
    } else if (same_word(name, "content-transfer-encoding") && !same_word(value, "binary") &&
               !same_word(value, "8bit") && !same_word(value, "7bit")) {
      return invalid("send parts unencoded, without Content-Transfer-Encoding");
    }
  }
  if (!disposed) return invalid("a part needs Content-Disposition: form-data with a name");
  return part;
}

}  // namespace

std::string multipart_boundary(std::string_view content_type) {
  std::string_view type;
  std::string boundary;
  const bool readable = for_parameters(content_type, type, [&](std::string_view name, std::string value) {
    if (same_word(name, "boundary")) boundary = std::move(value);
  });
  return readable && same_word(type, form_data) && is_boundary(boundary) ? boundary : std::string{};
}

Result<std::vector<Part>> parse_multipart(std::string_view content_type, std::string_view body) {
  if (!same_word(content_type.substr(0, content_type.find_first_of("; \t")), form_data))
    return Error{Fault::unsupported_type, "unsupported_media_type",
                 "send multipart/form-data with a part named file"};
  const std::string boundary = multipart_boundary(content_type);
  if (boundary.empty()) return invalid("the Content-Type names no valid boundary");

  const std::string delimiter = "\r\n--" + boundary;
  std::vector<Part> parts;
  // The first delimiter may open the body, without a line break before it.
  std::size_t at = 0;
  if (body.starts_with(std::string_view{delimiter}.substr(2))) {
    at = delimiter.size() - 2;
  } else {
    at = body.find(delimiter);
    if (at == std::string_view::npos) return invalid("the boundary does not occur in it");
    at += delimiter.size();
  }
  for (;;) {
    if (body.substr(at).starts_with("--")) return parts;
    while (at < body.size() && (body[at] == ' ' || body[at] == '\t')) ++at;
    if (!body.substr(at).starts_with("\r\n")) return invalid("a boundary is not followed by a line break");
    at += 2;
    if (parts.size() == max_parts) return invalid("over 32 parts");
    if (body.substr(at).starts_with("\r\n"))
      return invalid("a part needs Content-Disposition: form-data with a name");
    const std::size_t blank = body.substr(at, max_part_header + 4).find("\r\n\r\n");
    if (blank == std::string_view::npos) return invalid("a part's header does not end within 8 KiB");
    const std::string_view header = body.substr(at, blank);
    // Two bytes back: the delimiter of an empty part uses the line break that ends its header.
    const std::size_t data = at + blank + 4, end = body.find(delimiter, data - 2);
    if (end == std::string_view::npos) return invalid("it is cut off before the closing boundary");
    auto part = read_fields(header);
    if (!part) return part.error();
    part->data = end < data ? std::string_view{} : body.substr(data, end - data);
    parts.push_back(std::move(*part));
    at = end + delimiter.size();
  }
}

}  // namespace voxanne::api
