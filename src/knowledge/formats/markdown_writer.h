// Foreign documents as the Markdown that the chunker reads: headings, paragraphs, list items and table rows,
// their text escaped so that none of it is taken for a mark. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge::formats {

class MarkdownWriter {
 public:
  void heading(int level, std::string_view text);  // 1 to 6
  void paragraph(std::string_view text);
  void item(std::string_view text);
  void row(const std::vector<std::string>& cells);

  std::size_t size() const noexcept { return out_.size(); }
  std::string take() { return std::move(out_); }

 private:
  bool put(std::string_view before, std::string_view text, std::string_view after);

  std::string out_;
};

// Blanks of every kind (also U+00A0) collapsed into one, none at the ends; what is no UTF-8 left out.
std::string collapsed(std::string_view text);

}  // namespace voxanne::knowledge::formats
