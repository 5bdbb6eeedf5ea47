// ASCII character classes that no locale changes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace voxanne::speech {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_letter(char c) { return is_upper(c) || is_lower(c); }
constexpr char lower(char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}
inline bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }
inline bool starts_with_digit(std::string_view text) { return !text.empty() && is_digit(text.front()); }

}  // namespace voxanne::speech
