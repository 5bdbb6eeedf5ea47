#include "knowledge/formats/docx.h"

#include "knowledge/formats/markdown_writer.h"

#include <zip.h>
#include <pugixml.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <optional>

namespace voxanne::knowledge::formats {
namespace {

constexpr std::string_view compound_file = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";
constexpr std::size_t deepest = 200;

Error unreadable() {
  return malformed(
      "docx_unreadable",
      "this is not a Word document (.docx), or it is damaged; open it in Word and save it again");
}

using Archive = std::unique_ptr<zip_t, void (*)(zip_t*)>;

// One part, unpacked. nullopt: there is none of that name.
Result<std::optional<std::string>> unpack(zip_t* archive, const char* name) {
  zip_stat_t about;
  zip_stat_init(&about);
  if (zip_stat(archive, name, 0, &about) != 0) return std::optional<std::string>{};
  if ((about.valid & ZIP_STAT_ENCRYPTION_METHOD) && about.encryption_method != ZIP_EM_NONE)
    return malformed("docx_encrypted", "the document is protected by a password; save it without one");
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> part{zip_fopen(archive, name, 0), zip_fclose};
  if (!part) return unreadable();
  std::string out;
  if (about.valid & ZIP_STAT_SIZE) out.reserve(std::min<std::size_t>(about.size, max_docx_part));
  std::string block(256u << 10, '\0');
  for (;;) {
    const auto count = zip_fread(part.get(), block.data(), block.size());
    if (count < 0) return unreadable();
    if (count == 0) return std::optional{std::move(out)};
    out.append(block.data(), static_cast<std::size_t>(count));
    if (out.size() > max_docx_part)
      return Error{Fault::too_large, "docx_unpacks_too_large",
                   "the document unpacks to more than 64 MB of text; split it into several"};
  }
}

std::string_view local(const char* qualified) {
  const std::string_view name{qualified};
  return name.substr(std::min(name.size(), name.find(':') + 1));
}

pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
  for (const auto& one : node.children())
    if (local(one.name()) == name) return one;
  return {};
}

std::string_view attribute(const pugi::xml_node& node, std::string_view name) {
  for (const auto& one : node.attributes())
    if (local(one.name()) == name) return one.value();
  return {};
}

using Levels = std::map<std::string, int, std::less<>>;

// "Heading 1", "heading1", "Title": by id, name or outline level.
int level_by_name(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != ' ') plain.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  if (plain == "title") return 1;
  if (plain.size() == 8 && plain.starts_with("heading") && plain[7] >= '1' && plain[7] <= '9')
    return std::min(plain[7] - '0', 6);
  return 0;
}

int outline_level(const pugi::xml_node& properties) {
  const auto value = attribute(child(properties, "outlineLvl"), "val");
  return value.size() == 1 && value[0] >= '0' && value[0] <= '8' ? std::min(value[0] - '0' + 1, 6) : 0;
}

Levels heading_styles(std::string_view xml) {
  Levels out;
  pugi::xml_document document;
  if (xml.empty() || !document.load_buffer(xml.data(), xml.size())) return out;
  for (const auto& style : document.document_element().children()) {
    if (local(style.name()) != "style") continue;
    int level = outline_level(child(style, "pPr"));
    if (level == 0) level = level_by_name(attribute(child(style, "name"), "val"));
    if (level > 0) out.emplace(attribute(style, "styleId"), level);
  }
  return out;
}

// Walks the tree without recursion; what is nested deeper than any document is left out.
class Reader {
 public:
  explicit Reader(Levels levels) : levels_(std::move(levels)) {}

  std::string read(const pugi::xml_node& root) {
    std::size_t depth = 0;
    pugi::xml_node node = root;
    while (node) {
      const std::string_view name = local(node.name());
      const bool skipped = name == "del" || name == "instrText" || name == "fldData" ||
                           name == "txbxContent" || name == "Fallback" || depth > deepest;
      if (!skipped) {
        begin(name, node);
        if (node.first_child()) {
          node = node.first_child();
          ++depth;
          continue;
        }
        end(name);
      }
      while (node && node != root && !node.next_sibling()) {
        node = node.parent();
        --depth;
        if (node) end(local(node.name()));
      }
      node = node == root ? pugi::xml_node{} : node.next_sibling();
    }
    return out_.take();
  }

 private:
  void begin(std::string_view name, const pugi::xml_node& node) {
    if (name == "p") {
      text_.clear();
      const auto properties = child(node, "pPr");
      const auto style = attribute(child(properties, "pStyle"), "val");
      level_ = outline_level(properties);
      if (const auto known = levels_.find(style); level_ == 0 && known != levels_.end())
        level_ = known->second;
      if (level_ == 0) level_ = level_by_name(style);
      item_ = static_cast<bool>(child(properties, "numPr"));
    } else if (name == "t") {
      text_ += node.text().get();
    } else if (name == "tab" || name == "br" || name == "cr") {
      text_ += ' ';
    } else if (name == "noBreakHyphen") {
      text_ += '-';
    } else if (name == "tbl") {
      ++tables_;
    } else if (name == "tr" && tables_ == 1) {
      cells_.clear();
    } else if (name == "tc" && tables_ == 1) {
      cell_.clear();
    }
  }

  void end(std::string_view name) {
    if (name == "p") {
      if (tables_ > 0)
        cell_ += (cell_.empty() ? "" : " ") + text_;
      else if (level_ > 0)
        out_.heading(level_, text_);
      else if (item_)
        out_.item(text_);
      else
        out_.paragraph(text_);
      text_.clear();
    } else if (name == "tc" && tables_ == 1) {
      cells_.push_back(std::exchange(cell_, {}));
    } else if (name == "tr" && tables_ == 1) {
      out_.row(cells_);
      cells_.clear();
    } else if (name == "tbl" && tables_ > 0) {
      --tables_;
    }
  }

  Levels levels_;
  MarkdownWriter out_;
  std::string text_, cell_;
  std::vector<std::string> cells_;
  int level_ = 0, tables_ = 0;
  bool item_ = false;
};

// The tree lies in the document itself, which is no more once that is read.
Result<std::string> body_to_markdown(std::string document, Levels levels) {
  pugi::xml_document xml;
  if (!xml.load_buffer_inplace(document.data(), document.size(), pugi::parse_default | pugi::parse_ws_pcdata))
    return unreadable();
  const auto body = child(xml.document_element(), "body");
  if (!body) return unreadable();
  return Reader{std::move(levels)}.read(body);
}

}  // namespace

Result<std::string> docx_parts_to_markdown(std::string_view document, std::string_view styles) {
  return body_to_markdown(std::string{document}, heading_styles(styles));
}

Result<std::string> docx_to_markdown(std::string_view bytes) {
  if (bytes.starts_with(compound_file))
    return malformed(
        "word_binary",
        "this is an old Word document (.doc) or one with a password; save it as .docx without one");
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* opened = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : nullptr;
  zip_error_fini(&error);
  if (!opened) {
    if (source) zip_source_free(source);
    return unreadable();
  }
  const Archive archive{opened, zip_discard};
  // One tree after the other: the styles' is no more when the document's is made.
  Levels levels;
  if (const auto styles = unpack(archive.get(), "word/styles.xml"); styles && *styles)
    levels = heading_styles(**styles);
  auto document = unpack(archive.get(), "word/document.xml");
  if (!document) return document.error();
  if (!*document) return unreadable();
  return body_to_markdown(std::move(**document), std::move(levels));
}

}  // namespace voxanne::knowledge::formats
