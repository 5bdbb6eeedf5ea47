#include "net/http.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <limits>
#include <stdexcept>

namespace voxanne::net {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// RFC 9110 §5.6.2. A table: every header of every request and answer is asked.
constexpr auto token_chars = [] {
  std::array<bool, 256> is{};
  for (const char c : std::string_view{"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "!#$%&'*+-.^_`|~"})
    is[static_cast<unsigned char>(c)] = true;
  return is;
}();
bool is_token_char(char c) { return token_chars[static_cast<unsigned char>(c)]; }
bool breaks_line(char c) { return c == '\r' || c == '\n' || c == '\0'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// RFC 9110 §5.6.7: one form that is sent, and two from before it that are understood.
std::optional<UtcTime> parse_http_date(const std::string& text) {
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    if (const char* end = ::strptime(text.c_str(), form, &parts); end && !*end)
      return UtcTime{seconds{::timegm(&parts)}};
  }
  return std::nullopt;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::add(std::string_view name, std::string_view value) {
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_char))
    throw std::invalid_argument("a header name must be a token");
  if (std::any_of(value.begin(), value.end(), breaks_line))
    throw std::invalid_argument("a header value must not hold CR, LF or NUL");
  if (text_.size() + name.size() + value.size() > std::numeric_limits<std::uint32_t>::max())
    throw std::length_error("headers over 4 GiB");
  if (slots_.empty()) {  // room for what most requests and answers have
    slots_.reserve(16);
    text_.reserve(512);
  }
  const auto at = static_cast<std::uint32_t>(text_.size());
  text_.append(name).append(value);
  slots_.push_back({at, static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(at + name.size()),
                    static_cast<std::uint32_t>(value.size())});
}

void Headers::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void Headers::remove(std::string_view name) {
  std::erase_if(slots_, [&](const Slot& slot) {
    return equal_ignoring_case(std::string_view{text_}.substr(slot.name, slot.name_size), name);
  });
}

void Headers::clear() {
  text_.clear();
  slots_.clear();
}

Headers::Field Headers::operator[](std::size_t index) const {
  const Slot& slot = slots_[index];
  const std::string_view text{text_};
  return {text.substr(slot.name, slot.name_size), text.substr(slot.value, slot.value_size)};
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (const Field field = (*this)[i]; equal_ignoring_case(field.name, name)) return field.value;
  return std::nullopt;
}

std::string_view Headers::get(std::string_view name) const { return find(name).value_or(std::string_view{}); }

std::size_t Headers::count(std::string_view name) const {
  std::size_t found = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) found += equal_ignoring_case((*this)[i].name, name);
  return found;
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    auto [field, value] = (*this)[i];
    if (!equal_ignoring_case(field, name)) continue;
    while (!value.empty()) {
      const auto comma = std::min(value.find(','), value.size());
      if (equal_ignoring_case(trimmed(value.substr(0, comma)), token)) return true;
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
  }
  return false;
}

std::optional<seconds> retry_after(const Headers& headers, UtcTime now) {
  constexpr seconds none{0}, a_day{86'400};
  const auto text = headers.get("Retry-After");
  std::uint32_t count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failed == std::errc{} && end == text.data() + text.size()) return std::min(seconds{count}, a_day);
  const auto date = parse_http_date(std::string{text});
  if (!date) return std::nullopt;
  return std::clamp(std::chrono::ceil<seconds>(*date - now), none, a_day);
}

}  // namespace voxanne::net
