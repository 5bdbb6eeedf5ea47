#include "store/sqlite/rows.h"

#include <sqlite3.h>

namespace voxanne::store {

bool StatementRow::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::int64_t StatementRow::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double StatementRow::real(int column) const { return sqlite3_column_double(statement_, column); }
std::string_view StatementRow::text(int column) const {
  // By way of its value, which is looked up and checked once for both; no other thread has this connection.
  sqlite3_value* const value = sqlite3_column_value(statement_, column);
  const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

// Answers as SQLite would for the type a column has; its conversions between types are not wanted.
class RowBuffer::BufferedRow final : public Row {
 public:
  BufferedRow(const RowBuffer& buffer, std::size_t first) : buffer_(buffer), first_(first) {}

  bool is_null(int column) const override { return cell(column).type == Type::null; }
  std::int64_t integer(int column) const override {
    const Cell& c = cell(column);
    if (c.type == Type::real) return static_cast<std::int64_t>(c.real);
    return c.type == Type::integer ? c.integer : 0;
  }
  double real(int column) const override {
    const Cell& c = cell(column);
    if (c.type == Type::integer) return static_cast<double>(c.integer);
    return c.type == Type::real ? c.real : 0;
  }
  std::string_view text(int column) const override {
    const Cell& c = cell(column);
    if (c.type != Type::text) return {};
    return std::string_view{buffer_.text_}.substr(c.offset, c.length);
  }

 private:
  const Cell& cell(int column) const { return buffer_.cells_.at(first_ + static_cast<std::size_t>(column)); }

  const RowBuffer& buffer_;
  std::size_t first_;
};

bool RowBuffer::append(sqlite3_stmt* statement) {
  columns_ = static_cast<std::size_t>(sqlite3_data_count(statement));
  for (int column = 0; column < static_cast<int>(columns_); ++column) {
    Cell cell{{0}, 0, Type::null};
    switch (sqlite3_column_type(statement, column)) {
      case SQLITE_NULL:
        break;
      case SQLITE_INTEGER:
        cell.type = Type::integer;
        cell.integer = sqlite3_column_int64(statement, column);
        break;
      case SQLITE_FLOAT:
        cell.type = Type::real;
        cell.real = sqlite3_column_double(statement, column);
        break;
      default: {
        const std::string_view text = StatementRow{statement}.text(column);
        cell.type = Type::text;
        cell.offset = text_.size();
        cell.length = static_cast<std::uint32_t>(text.size());
        text_.append(text);
      }
    }
    cells_.push_back(cell);
  }
  return text_.size() + cells_.size() * sizeof(Cell) <= max_bytes;
}

void RowBuffer::visit_all(const RowVisitor& visit) const {
  if (columns_ == 0) return;
  for (std::size_t first = 0; first < cells_.size(); first += columns_) visit(BufferedRow{*this, first});
}

}  // namespace voxanne::store
