#include "knowledge/formats/csv.h"

#include "knowledge/formats/markdown_writer.h"

#include <algorithm>
#include <optional>
#include <utility>

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

using Row = std::vector<std::string>;

// Each row in turn, until `take` has an error.
template <class Take>
Result<> for_each_row(std::string_view text, Take take) {
  const char separator = separator_of(text);
  Result<> taken;
  Row row;
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
    taken = take(std::move(row));
    row.clear();
  };
  for (std::size_t i = 0; taken && i < text.size(); ++i) {
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
  if (!taken) return taken;
  if (quoted)
    return malformed("csv_quote_open", "the quote that is opened in line " + std::to_string(opened) +
                                           " of the table is never closed; save it as CSV again");
  end_row();
  return taken;
}

}  // namespace

Result<std::vector<Row>> read_csv(std::string_view text) {
  std::vector<Row> rows;
  const auto read = for_each_row(text, [&](Row row) {
    rows.push_back(std::move(row));
    return Result<>{};
  });
  if (!read) return read.error();
  return rows;
}

Result<std::string> csv_to_markdown(std::string_view text) {
  MarkdownWriter out;
  Row names;
  const auto say = [&](const Row& row) -> Result<> {
    std::string said;
    bool colon = false;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string value = collapsed(row[i]);
      if (value.empty()) continue;
      if (!said.empty()) said += std::exchange(colon, true) ? ", " : ": ";
      if (i > 0 && i < names.size()) said += names[i] + " ";
      said += value;
      colon = colon || value.find(": ") != std::string::npos;
    }
    out.paragraph(said);
    if (out.size() > max_csv_markdown)
      return Error{Fault::too_large, "csv_text_too_large",
                   "the table holds more than 32 MB of text once every value has its column's name; split "
                   "it into several"};
    return {};
  };
  // Whether the first row names the columns is known once there is a second.
  std::optional<Row> first;
  bool begun = false;
  const auto read = for_each_row(text, [&](Row row) -> Result<> {
    if (!std::exchange(begun, true)) {
      first = std::move(row);
      return {};
    }
    if (const auto before = std::exchange(first, std::nullopt)) {
      if (names_columns(*before))
        for (const std::string& name : *before) names.push_back(collapsed(name));
      else if (const auto said = say(*before); !said)
        return said;
    }
    return say(row);
  });
  if (!read) return read.error();
  if (first)
    if (const auto said = say(*first); !said) return said.error();
  return out.take();
}

}  // namespace voxanne::knowledge::formats
