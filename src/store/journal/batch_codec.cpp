#include "store/journal/batch_codec.h"

#include <bit>
#include <cstring>
#include <limits>
#include <stdexcept>

namespace voxanne::store {
namespace {

static_assert(std::endian::native == std::endian::little, "journals are written in host order");

constexpr std::uint8_t version = 1;
enum class Tag : std::uint8_t { null, integer, real, text };

class Writer {
 public:
  template <class T>
  void number(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
  }
  template <class T>
  void count(std::size_t value) {
    if (value > std::numeric_limits<T>::max()) throw std::length_error("a batch too large for the journal");
    number(static_cast<T>(value));
  }
  void text(std::string_view value) {
    count<std::uint32_t>(value.size());
    out.append(value);
  }
  void value(const Value& value) {
    number(static_cast<std::uint8_t>(value.index()));
    if (const auto* integer = std::get_if<std::int64_t>(&value)) number(*integer);
    if (const auto* real = std::get_if<double>(&value)) number(*real);
    if (const auto* words = std::get_if<std::string>(&value)) text(*words);
  }

  std::string out;
};

// Answers zeros and empty texts once the bytes have run out: ok() is asked at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    T value{};
    const std::string_view bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string_view text() { return take(number<std::uint32_t>()); }
  Value value() {
    switch (static_cast<Tag>(number<std::uint8_t>())) {
      case Tag::null:
        return std::monostate{};
      case Tag::integer:
        return number<std::int64_t>();
      case Tag::real:
        return number<double>();
      case Tag::text:
        return std::string{text()};
    }
    ok_ = false;
    return std::monostate{};
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t bytes) {
    if (bytes > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
  bool ok_ = true;
};

Error misread(const char* what) {
  return malformed("journal_batch_malformed", std::string{"a journalled batch "} + what);
}

}  // namespace

Catalogue catalogue_of(std::span<const Statement* const> statements) {
  Catalogue catalogue;
  for (const Statement* statement : statements)
    if (!catalogue.emplace(statement->name, statement).second)
      throw std::logic_error("two statements are named " + std::string{statement->name});
  return catalogue;
}

std::string encode_batch(const Batch& batch) {
  Writer to;
  to.number(version);
  to.text(batch.once.value().stream);
  to.number(batch.once.value().number);
  to.count<std::uint16_t>(batch.steps.size());
  for (const Batch::Step& step : batch.steps) {
    to.text(step.statement->name);
    to.number(static_cast<std::uint8_t>(step.expect_rows.has_value()));
    if (step.expect_rows) to.number(*step.expect_rows);
    to.count<std::uint16_t>(step.values.size());
    for (const Value& value : step.values) to.value(value);
  }
  return std::move(to.out);
}

Result<Batch> decode_batch(std::string_view bytes, const Catalogue& catalogue) {
  Reader from{bytes};
  if (from.number<std::uint8_t>() != version) return misread("has a version this program does not know");
  Batch batch;
  std::string stream{from.text()};
  batch.once = Batch::Once{std::move(stream), from.number<std::int64_t>()};
  const int steps = from.number<std::uint16_t>();
  for (int i = 0; i < steps && from.ok(); ++i) {
    const std::string_view name = from.text();
    const auto known = catalogue.find(name);
    if (from.ok() && known == catalogue.end())
      return not_found("journal_statement_unknown",
                       "a journalled batch holds a statement that this version of the program does not have; "
                       "start the version that wrote it");
    const auto expects = from.number<std::uint8_t>();
    if (expects > 1) return misread("cannot be read");
    std::optional<std::int64_t> rows;
    if (expects == 1) rows = from.number<std::int64_t>();
    const int count = from.number<std::uint16_t>();
    std::vector<Value> values;
    for (int v = 0; v < count && from.ok(); ++v) values.push_back(from.value());
    if (from.ok()) batch.add(*known->second, std::move(values), rows);
  }
  if (!from.ok() || !from.at_end()) return misread("cannot be read");
  return batch;
}

}  // namespace voxanne::store
