// Rows as they stand in SQLite, and rows carried from a worker to the loop that asked for them.
#pragma once

#include "store/store.h"

#include <cstddef>
#include <string>
#include <vector>

struct sqlite3_stmt;

namespace voxanne::store {

// The row a statement stands on.
class StatementRow final : public Row {
 public:
  explicit StatementRow(sqlite3_stmt* statement) : statement_(statement) {}

  bool is_null(int column) const override;
  std::int64_t integer(int column) const override;
  double real(int column) const override;
  std::string_view text(int column) const override;

 private:
  sqlite3_stmt* statement_;
};

// A whole result. Text lies in one string; a cell is 16 bytes.
class RowBuffer {
 public:
  // False once it holds more than max_bytes: such a result is to be asked for in pages.
  bool append(sqlite3_stmt* statement);
  void visit_all(const RowVisitor& visit) const;

  static constexpr std::size_t max_bytes = 64u << 20;

 private:
  enum class Type : std::uint8_t { null, integer, real, text };
  struct Cell {
    union {
      std::int64_t integer;
      double real;
      std::uint64_t offset;
    };
    std::uint32_t length;
    Type type;
  };
  class BufferedRow;

  std::size_t columns_ = 0;
  std::vector<Cell> cells_;
  std::string text_;
};

}  // namespace voxanne::store
