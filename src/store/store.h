// The database, behind one interface for two engines.
//
// A read is one named Statement whose rows are visited; on a web shard with SQLite it completes
// inline on that shard's own reader connection. A write is a Batch: statements with guards
// (expected row counts), applied atomically in one group-committed transaction, or answered as a
// conflict with nothing changed; there are no interactive transactions, so nothing holds the writer
// while awaiting. write() answers once the batch is durable.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace voxanne::store {

using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

// `quick` reads are done within 1 ms at any size of the database and may run inline on a web shard;
// `heavy` ones (search, statistics) always run on a worker.
enum class Cost { quick, heavy };

// SQL with ?1, ?2 … parameters. Static storage: prepared once per connection by address.
struct Statement {
  std::string_view name;  // for plans, metrics and errors
  std::string_view sql;
  Cost cost = Cost::quick;
};

// One row, valid inside the visitor only.
class Row {
 public:
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;

  std::string str(int column) const { return std::string{text(column)}; }
  std::optional<UtcTime> time(int column) const {
    if (is_null(column)) return std::nullopt;
    return from_unix_ms(integer(column));
  }

 protected:
  ~Row() = default;
};

using RowVisitor = std::function<void(const Row&)>;

class Batch {
 public:
  // `expect_rows`: the batch is a conflict unless exactly so many rows change.
  Batch& add(const Statement& statement, std::vector<Value> values,
             std::optional<std::int64_t> expect_rows = std::nullopt) {
    steps.push_back({&statement, std::move(values), expect_rows});
    return *this;
  }

  struct Step {
    const Statement* statement;
    std::vector<Value> values;
    std::optional<std::int64_t> expect_rows;
  };
  std::vector<Step> steps;

  // A batch with a number takes effect once, however often it is given: batches of a stream are numbered
  // upwards from 1 and given in order, and one whose number is not above the last applied is answered as
  // success with nothing changed.
  struct Once {
    std::string stream;  // a ULID
    std::int64_t number;
  };
  std::optional<Once> once;
};

class Store {
 public:
  virtual ~Store() = default;
  // Visits every row, always on the asker's own loop. Errors: unavailable, internal.
  virtual async::Task<Result<>> read(const Statement& statement, std::vector<Value> values,
                                     RowVisitor visit) = 0;
  // Durable when it answers; a cancelled asker still waits for the answer. Errors: conflict (a guard,
  // a unique key or a missing reference: nothing of the batch is applied), internal, and unavailable,
  // after which the outcome is unknown: whoever retries numbers the batch (`once`), or gives it a key or
  // guard of its own.
  virtual async::Task<Result<>> write(Batch batch) = 0;
};

}  // namespace voxanne::store
