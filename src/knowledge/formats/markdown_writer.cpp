#include "knowledge/formats/markdown_writer.h"

#include "base/json_text.h"

#include <algorithm>

namespace voxanne::knowledge::formats {
namespace {

constexpr std::string_view marks = "\\`*_[]<>&!#|=~";

bool is_blank(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; }

void append_escaped(std::string& out, std::string_view text, bool in_row) {
  bool first = true, digits = true;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    // What would begin a list: "- x", "+ x", "12. x", "12) x".
    const bool begins_item =
        (first && (c == '-' || c == '+')) || (digits && !first && (c == '.' || c == ')'));
    if (in_row && c == '|') {
      out.push_back('/');  // rows are split before escapes are read
    } else {
      if (begins_item || marks.find(c) != std::string_view::npos) out.push_back('\\');
      out.push_back(c);
    }
    digits = digits && digit;
    first = false;
  }
}

}  // namespace

std::string collapsed(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::string_view good = text.substr(0, valid_utf8_prefix(text));
    text.remove_prefix(std::min(text.size(), good.size() + 1));
    for (std::size_t i = 0; i < good.size(); ++i) {
      const bool no_break = good[i] == '\xC2' && i + 1 < good.size() && good[i + 1] == '\xA0';
      if (no_break) ++i;
      if (no_break || is_blank(good[i])) {
        if (!out.empty() && out.back() != ' ') out.push_back(' ');
      } else {
        out.push_back(good[i]);
      }
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool MarkdownWriter::put(std::string_view before, std::string_view text, std::string_view after) {
  const std::string words = collapsed(text);
  if (words.empty()) return false;
  out_ += before;
  append_escaped(out_, words, false);
  out_ += after;
  return true;
}

void MarkdownWriter::heading(int level, std::string_view text) {
  put("\n" + std::string(static_cast<std::size_t>(std::clamp(level, 1, 6)), '#') + " ", text, "\n\n");
}
void MarkdownWriter::paragraph(std::string_view text) { put("", text, "\n\n"); }
void MarkdownWriter::item(std::string_view text) { put("- ", text, "\n"); }

void MarkdownWriter::row(const std::vector<std::string>& cells) {
  std::string line;
  bool any = false;
  for (const std::string& cell : cells) {
    const std::string words = collapsed(cell);
    any = any || !words.empty();
    line += "| ";
    append_escaped(line, words, true);
    line += ' ';
  }
  if (any) out_ += line + "|\n";
}

}  // namespace voxanne::knowledge::formats
