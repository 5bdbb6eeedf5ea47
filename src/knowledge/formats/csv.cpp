#include "knowledge/formats/csv.h"

#include "knowledge/formats/markdown_writer.h"

#include <algorithm>

namespace voxanne::knowledge::formats {
namespace {

// A first row is taken for the names of the columns when none of it looks like a value.
bool names_columns(const std::vector<std::string>& row) {
  return row.size() > 1 && std::ranges::none_of(row, [](const std::string& cell) {
           const std::string words = collapsed(cell);
           return words.empty() || words.size() > 60 ||
                  words.find_first_of("0123456789") != std::string::npos;
         });
}

char separator_of(std::string_view text) {
  const auto line = text.substr(0, text.find_first_of("\r\n"));
  char best = ',';
  std::ptrdiff_t most = 0;
  for (const char candidate : {',', ';', '\t'}) {
    const auto count = std::ranges::count(line, candidate);
    if (count > most) best = candidate;
    most = std::max(most, count);
  }
  return best;
}

}  // namespace

Result<std::vector<std::vector<std::string>>> read_csv(std::string_view text) {
  const char separator = separator_of(text);
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  std::string cell;
  std::size_t line = 1, opened = 0;
  bool quoted = false, begun = false;
  const auto end_cell = [&] {
    row.push_back(std::move(cell));
    cell.clear();
    begun = false;
  };
  const auto end_row = [&] {
    if (row.empty() && cell.empty() && !begun) return;  // an empty line
    end_cell();
    rows.push_back(std::move(row));
    row.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') {
        cell.push_back(c);
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell.push_back('"');
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && cell.empty() && !begun) {
      quoted = begun = true;
      opened = line;
    } else if (c == separator) {
      end_cell();
      begun = true;  // a cell follows, if only an empty one
      if (row.size() >= max_csv_columns)
        return Error{Fault::impossible, "csv_too_wide",
                     "line " + std::to_string(line) + " of the table has more than 200 columns"};
      begun = false;
    } else if (c == '\n' || c == '\r') {
      end_row();
    } else {
      cell.push_back(c);
    }
  }
  if (quoted)
    return malformed("csv_quote_open", "the quote that is opened in line " + std::to_string(opened) +
                                           " of the table is never closed; save it as CSV again");
  end_row();
  return rows;
}

Result<std::string> csv_to_markdown(std::string_view text) {
  const auto rows = read_csv(text);
  if (!rows) return rows.error();
  MarkdownWriter out;
  const bool named = rows->size() > 1 && names_columns(rows->front());
  for (std::size_t r = named ? 1 : 0; r < rows->size(); ++r) {
    const auto& row = (*rows)[r];
    std::string said;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string value = collapsed(row[i]);
      if (value.empty()) continue;
      if (!said.empty()) said += said.find(": ") == std::string::npos ? ": " : ", ";
      if (named && i > 0 && i < rows->front().size()) said += collapsed(rows->front()[i]) + " ";
      said += value;
    }
    out.paragraph(said);
  }
  return out.take();
}

}  // namespace voxanne::knowledge::formats
