#include "recordings/byte_range.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace voxanne::recordings {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// 1*DIGIT; a number too large to hold is as good as the largest.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (most - digit) / 10 ? most : value * 10 + digit;
  }
  return value;
}

bool is_bytes(std::string_view unit) {
  constexpr std::string_view name = "bytes";
  return std::equal(unit.begin(), unit.end(), name.begin(), name.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; });
}

}  // namespace

RangeAnswer parse_range(std::string_view header, std::uint64_t size) {
  using Kind = RangeAnswer::Kind;
  const RangeAnswer whole{Kind::whole, 0, size};
  header = trim(header);
  const auto equals = header.find('=');
  if (equals == std::string_view::npos || !is_bytes(header.substr(0, equals))) return whole;

  // A recipient accepts empty list elements (§5.6.1.2).
  std::string_view spec;
  for (std::string_view rest = header.substr(equals + 1);;) {
    const auto comma = rest.find(',');
    const auto element = trim(rest.substr(0, comma));
    if (!element.empty()) {
      if (!spec.empty()) return whole;
      spec = element;
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto first = number(spec.substr(0, dash)), last = number(spec.substr(dash + 1));
  const bool open_ended = dash + 1 == spec.size();

  if (dash == 0) {  // suffix-range: the last so many bytes
    if (!last) return whole;
    if (*last == 0) return {Kind::unsatisfiable, 0, 0};
    if (size == 0) return whole;  // satisfiable, but no Content-Range can say so
    const auto length = std::min(*last, size);
    return {Kind::partial, size - length, length};
  }
  if (!first || (!last && !open_ended) || (last && *last < *first)) return whole;
  if (*first >= size) return {Kind::unsatisfiable, 0, 0};
  const auto end = open_ended ? size - 1 : std::min(*last, size - 1);
  return {Kind::partial, *first, end - *first + 1};
}

std::string content_range(const RangeAnswer& answer, std::uint64_t size) {
  if (answer.kind == RangeAnswer::Kind::unsatisfiable) return "bytes */" + std::to_string(size);
  return "bytes " + std::to_string(answer.first) + "-" + std::to_string(answer.first + answer.length - 1) +
         "/" + std::to_string(size);
}

}  // namespace voxanne::recordings
