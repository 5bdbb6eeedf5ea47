#include "knowledge/chunk.h"

#include "base/json_text.h"
#include "knowledge/sentences.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace voxanne::knowledge {
namespace {

constexpr std::size_t max_sentences = 3;
// A paragraph longer than this starts a chunk of its own.
constexpr std::size_t roomy_bytes = 240;

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

bool only(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

// At most so many bytes of it: to a blank, or to a character's end where a word is as long.
std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  auto part = text.substr(0, valid_utf8_prefix(text.substr(0, most)));
  if (const auto blank = part.rfind(' '); blank != std::string_view::npos && blank > 0)
    part = part.substr(0, blank);
  return part;
}

bool is_rule(std::string_view line) {
  std::string marks;
  std::copy_if(line.begin(), line.end(), std::back_inserter(marks),
               [](char c) { return c != ' ' && c != '\t'; });
  return marks.size() >= 3 && (only(marks, "-") || only(marks, "*") || only(marks, "_"));
}

// "# Title" (CommonMark 4.2): its level, and the line becomes the title.
std::optional<std::size_t> heading_level(std::string_view& line) {
  const auto hashes = std::min(line.find_first_not_of('#'), line.size());
  if (hashes == 0 || hashes > 6 || (hashes < line.size() && line[hashes] != ' ' && line[hashes] != '\t'))
    return std::nullopt;
  line = trim(line.substr(hashes));
  auto end = line.find_last_not_of('#');
  if (end != std::string_view::npos && end + 1 < line.size() && line[end] == ' ')
    line = trim(line.substr(0, end));
  return hashes;
}

// "- item", "* item", "12. item": the line becomes the item.
bool take_bullet(std::string_view& line) {
  if (line.size() >= 2 && std::string_view{"-*+"}.find(line[0]) != std::string_view::npos && line[1] == ' ') {
    line = trim(line.substr(2));
    if (line.starts_with("[ ] ") || line.starts_with("[x] ")) line = trim(line.substr(4));
    return true;
  }
  const auto digits = std::min(line.find_first_not_of("0123456789"), line.size());
  if (digits == 0 || digits > 9 || digits + 1 >= line.size() ||
      (line[digits] != '.' && line[digits] != ')') || line[digits + 1] != ' ')
    return false;
  line = trim(line.substr(digits + 2));
  return true;
}

std::string table_row(std::string_view line) {
  line = trim(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  if (line.ends_with('|')) line.remove_suffix(1);
  std::string out;
  int cell = 0;
  for (;; ++cell) {
    const auto bar = line.find('|');
    const auto text = plain_line(trim(line.substr(0, bar)));
    if (!text.empty()) {
      if (!out.empty()) out += cell == 1 ? ": " : ", ";
      out += text;
    }
    if (bar == std::string_view::npos) break;
    line.remove_prefix(bar + 1);
  }
  return out;
}

class Chunker {
 public:
  // `comments_end`: behind which no comment ends.
  Chunker(bool markdown, std::size_t comments_end, std::size_t most)
      : markdown_(markdown), comments_end_(comments_end), most_(most) {}

  // Whatever came now would be left out.
  bool is_full() const { return pieces_.size() >= most_; }

  // What follows stands on this page.
  void begin_page(int page) {
    end_block();
    flush();
    page_ = page;
  }

  void line(std::string_view raw, std::size_t offset) {
    line_end_ = offset + raw.size();
    std::string_view text = trim(raw);
    if (text.empty()) return end_block();
    if (!markdown_) return add(std::string{text}, offset);
    // One that nothing ends would hide all that follows: it is text.
    const auto at = [&] { return offset + static_cast<std::size_t>(text.data() - raw.data()); };
    while (in_comment_ || (text.starts_with("<!--") && at() < comments_end_)) {
      end_block();
      const auto close = text.find("-->");
      in_comment_ = close == std::string_view::npos;
      if (in_comment_) return;
      text = trim(text.substr(close + 3));
      if (text.empty()) return;
    }
    // What stands between fences is text as well: people paste whole documents so.
    if (text.starts_with("```") || text.starts_with("~~~")) return end_block();
    // Setext: the paragraph above is the heading (CommonMark 4.3).
    if ((only(text, "=") || (only(text, "-") && text.size() >= 2)) && !block_.empty() && block_lines_ == 1 &&
        !item_) {
      const auto title = std::exchange(block_, {});
      block_lines_ = 0;
      return open_heading(text[0] == '=' ? 1 : 2, title);
    }
    if (is_rule(text)) return end_block();
    if (const auto level = heading_level(text)) {
      end_block();
      return open_heading(*level, plain_line(text));
    }
    if (text.starts_with('|')) return table_line(text, offset);
    while (text.starts_with('>')) text = trim(text.substr(1));
    if (take_bullet(text)) {
      end_block();
      item_ = true;
    }
    if (!text.empty()) add(plain_line(text), offset);
  }

  std::vector<Piece> finish() {
    end_block();
    flush();
    return std::move(pieces_);
  }

 private:
  void add(std::string text, std::size_t offset) {
    if (block_.empty()) block_offset_ = offset;
    block_end_ = line_end_;
    if (!block_.empty()) block_ += ' ';
    block_ += text;
    ++block_lines_;
  }

  void table_line(std::string_view text, std::size_t offset) {
    if (only(text, "|-: \t")) {  // under the header row, which is said with no row
      pending_row_.clear();
      return;
    }
    end_block();
    pending_row_ = table_row(text);
    pending_offset_ = offset;
    pending_end_ = line_end_;
  }

  void open_heading(std::size_t level, std::string_view title) {
    end_block();
    flush();
    path_.resize(std::min(path_.size(), level - 1));
    path_.resize(level - 1);
    path_.emplace_back(cut(title, max_heading_bytes));
    heading_.clear();
    for (auto above = path_.rbegin(); above != path_.rend(); ++above) {
      if (above->empty()) continue;
      const auto separator = heading_.empty() ? std::string_view{} : heading_separator;
      if (above->size() + separator.size() + heading_.size() > max_heading_path_bytes) break;
      heading_.insert(0, *above + std::string{separator});
    }
  }

  void end_block() {
    if (!pending_row_.empty()) put_block(std::exchange(pending_row_, {}), pending_offset_, pending_end_);
    if (!block_.empty()) put_block(std::exchange(block_, {}), block_offset_, block_end_);
    block_lines_ = 0;
    item_ = false;
  }

  void put_block(const std::string& block, std::size_t offset, std::size_t end) {
    // A block that leads to a list ("We accept:") stays with it.
    if (block.size() > roomy_bytes && !current_.text.empty() && !current_.text.ends_with(':')) flush();
    for_each_sentence(block, [&](std::string_view sentence) {
      put_sentence(sentence, offset, end);
      return !is_full();
    });
    if (!current_.text.empty() &&
        std::string_view{".!?:"}.find(current_.text.back()) == std::string_view::npos)
      current_.text += '.';  // a list item or a row is a sentence of its own
  }

  void put_sentence(std::string_view sentence, std::size_t offset, std::size_t end) {
    while (!sentence.empty() && !is_full()) {
      const bool full =
          sentences_ >= max_sentences || current_.text.size() + 1 + sentence.size() > max_chunk_bytes - 1;
      if (full && !current_.text.empty()) flush();
      const auto part = cut(sentence, max_chunk_bytes - 1);  // cuts where there is no end in sight
      if (current_.text.empty()) current_.offset = offset;
      if (!current_.text.empty()) current_.text += ' ';
      current_.text += part;
      current_.end = end;
      ++sentences_;
      sentence = trim(sentence.substr(part.size()));
    }
  }

  void flush() {
    if (!current_.text.empty() && !is_full()) {
      current_.heading = heading_;
      current_.page = page_;
      pieces_.push_back(std::move(current_));
    }
    current_ = {};
    sentences_ = 0;
  }

  bool markdown_;
  std::size_t comments_end_, most_;
  bool in_comment_ = false;
  std::vector<std::string> path_;
  std::string heading_;  // the path as it is said
  std::string block_;
  std::size_t block_offset_ = 0, block_end_ = 0, line_end_ = 0;
  int block_lines_ = 0;
  bool item_ = false;
  std::string pending_row_;
  std::size_t pending_offset_ = 0, pending_end_ = 0;
  Piece current_;
  std::size_t sentences_ = 0;
  int page_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace

std::vector<Piece> chunk(Format format, const std::string& text, std::size_t most) {
  const auto last = text.rfind("-->");
  Chunker chunker{format == Format::markdown, last == text.npos ? 0 : last, most};
  const bool pages = format == Format::pdf;
  int page = 0;
  if (pages) chunker.begin_page(++page);
  for (std::size_t at = 0; at < text.size() && !chunker.is_full();) {
    if (pages && text[at] == '\f') {
      chunker.begin_page(++page);
      ++at;
      continue;
    }
    const auto end = std::min(text.find_first_of(pages ? "\n\f" : "\n", at), text.size());
    chunker.line(std::string_view{text}.substr(at, end - at), at);
    at = end < text.size() && text[end] == '\f' ? end : end + 1;
  }
  return chunker.finish();
}

}  // namespace voxanne::knowledge
