#include "knowledge/formats/html.h"

#include "knowledge/formats/markdown_writer.h"

#include <libxml/HTMLparser.h>

#include <algorithm>
#include <array>
#include <memory>

namespace voxanne::knowledge::formats {
namespace {

constexpr std::array<std::string_view, 14> left_out{"script",   "style",  "template", "noscript", "head",
                                                    "nav",      "svg",    "select",   "button",   "iframe",
                                                    "textarea", "object", "math",     "form"};
constexpr std::array<std::string_view, 22> blocks{
    "p",    "div",    "section", "article", "main",    "header",    "footer", "aside",
    "ul",   "ol",     "dl",      "address", "table",   "thead",     "tbody",  "body",
    "html", "figure", "pre",     "hr",      "details", "blockquote"};

bool is_one_of(std::string_view name, auto& list) { return std::ranges::find(list, name) != list.end(); }

std::string_view name_of(const xmlNode* node) {
  return node->name ? reinterpret_cast<const char*>(node->name) : "";
}

// Walks the tree without recursion: how deep it is, the page decides.
class Reader {
 public:
  std::string read(const xmlNode* root) {
    const xmlNode* node = root;
    while (node) {
      const bool entered = node->type == XML_ELEMENT_NODE && !is_one_of(name_of(node), left_out);
      if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE) {
        if (node->content) text_ += reinterpret_cast<const char*>(node->content);
      } else if (entered) {
        begin(name_of(node));
        if (node->children) {
          node = node->children;
          continue;
        }
        end(name_of(node));
      }
      while (node && !node->next) {
        node = node->parent;
        if (!node || node == root || node->type != XML_ELEMENT_NODE) {
          node = nullptr;
          break;
        }
        end(name_of(node));
      }
      if (node) node = node->next;
    }
    flush();
    return out_.take();
  }

 private:
  enum class Block { paragraph, item, heading };

  static int heading_level(std::string_view name) {
    return name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' ? name[1] - '0' : 0;
  }

  void begin(std::string_view name) {
    if (name == "br") {
      text_ += in_row_ ? ' ' : '\n';
    } else if (name == "tr") {
      flush();
      in_row_ = true;
      cells_.clear();
    } else if (name == "td" || name == "th") {
      text_.clear();
    } else if (in_row_) {
      text_ += ' ';
    } else if (const int level = heading_level(name)) {
      flush();
      block_ = Block::heading;
      level_ = level;
    } else if (name == "li" || name == "dt" || name == "dd") {
      flush();
      block_ = Block::item;
    } else if (is_one_of(name, blocks)) {
      flush();
    }
  }

  void end(std::string_view name) {
    if (name == "tr") {
      out_.row(cells_);
      cells_.clear();
      text_.clear();
      in_row_ = false;
    } else if (name == "td" || name == "th") {
      cells_.push_back(std::exchange(text_, {}));
    } else if (in_row_) {
      text_ += ' ';
    } else if (heading_level(name) > 0 || name == "li" || name == "dt" || name == "dd" ||
               is_one_of(name, blocks)) {
      flush();
    }
  }

  void flush() {
    const std::string text = std::exchange(text_, {});
    const Block block = std::exchange(block_, Block::paragraph);
    if (block == Block::heading) return out_.heading(level_, text);
    if (block == Block::item) return out_.item(text);
    out_.paragraph(text);
  }

  MarkdownWriter out_;
  std::string text_;
  Block block_ = Block::paragraph;
  int level_ = 1;
  bool in_row_ = false;
  std::vector<std::string> cells_;
};

}  // namespace

Result<std::string> html_to_markdown(std::string_view bytes) {
  if (bytes.size() > max_html_bytes)
    return Error{Fault::too_large, "html_too_large",
                 "a web page may have at most 10 MB; save only the part that matters"};
  const bool declares = bytes.substr(0, 4'096).find("charset") != std::string_view::npos ||
                        bytes.substr(0, 4'096).find("CHARSET") != std::string_view::npos ||
                        bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF");
  const std::unique_ptr<xmlDoc, void (*)(xmlDoc*)> page{
      htmlReadMemory(bytes.data(), static_cast<int>(bytes.size()), nullptr, declares ? nullptr : "UTF-8",
                     HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                         HTML_PARSE_COMPACT),
      xmlFreeDoc};
  const xmlNode* root = page ? xmlDocGetRootElement(page.get()) : nullptr;
  if (!root)
    return malformed("html_unreadable", "this is not a web page; save it as HTML, or its text as .txt");
  return Reader{}.read(root);
}

}  // namespace voxanne::knowledge::formats
