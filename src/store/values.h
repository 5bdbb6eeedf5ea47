// Values as they are bound: absent becomes NULL, an enumeration its word, a time unix milliseconds.
#pragma once

#include "domain/call.h"
#include "store/store.h"

namespace voxanne::store {

inline Value bound(UtcTime time) { return to_unix_ms(time); }
inline Value bound(bool flag) { return std::int64_t{flag}; }
inline Value bound(int number) { return std::int64_t{number}; }
inline Value bound(std::string_view text) { return std::string{text}; }
template <class Tag>
Value bound(const Id<Tag>& id) {
  return id.str();
}
template <class T>
Value bound(const std::optional<T>& value) {
  if (!value) return std::monostate{};
  if constexpr (std::is_same_v<T, double>)
    return *value;
  else
    return bound(*value);
}

template <class Tag>
Id<Tag> id_from(const Row& row, int column) {
  return Id<Tag>{row.str(column)};
}
inline std::optional<double> real_from(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.real(column);
}
inline std::optional<int> int_from(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<int>(row.integer(column));
}
// A word that its CHECK constraint lets in is one that we know.
template <class E>
E word_from(const Row& row, int column, std::optional<E> (*parse)(std::string_view)) {
  return parse(row.text(column)).value();
}

}  // namespace voxanne::store
