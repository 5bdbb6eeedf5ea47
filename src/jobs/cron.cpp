#include "jobs/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

namespace voxanne::jobs {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

// 29 February falls on a given day of the week every 28 years, and 40 around a century without one.
constexpr int search_days = 41 * 366;
constexpr std::size_t longest = 256;

struct Field {
  const char* name;
  int low, high;
  std::span<const std::string_view> words;  // of `low` and on
};

constexpr std::array<std::string_view, 12> month_words{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_words{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::array<Field, 5> fields{{{"minute", 0, 59, {}},
                                       {"hour", 0, 23, {}},
                                       {"day of month", 1, 31, {}},
                                       {"month", 1, 12, month_words},
                                       {"day of week", 0, 7, weekday_words}}};

Error bad(std::string why) {
  return malformed("cron_malformed", std::move(why) +
                                         "; a cron expression is five fields, minute hour day-of-month month "
                                         "day-of-week, such as 0 2 * * *");
}

Error bad_field(const Field& field, std::string_view text) {
  return bad(std::string{field.name} + " \"" + std::string{text} + "\" is not *, or a list of numbers from " +
             std::to_string(field.low) + " to " + std::to_string(field.high) + ", ranges such as " +
             std::to_string(field.low) + "-" + std::to_string(field.low + 1) + " and steps such as */2");
}

std::optional<int> whole(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0)
    return std::nullopt;
  return value;
}

std::optional<int> value_of(const Field& field, std::string_view text) {
  std::string lower{text};
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto word = std::ranges::find(field.words, std::string_view{lower});
  if (word != field.words.end()) return field.low + static_cast<int>(word - field.words.begin());
  const auto number = whole(text);
  if (!number || *number < field.low || *number > field.high) return std::nullopt;
  return number;
}

// "*", "5", "1-5", each perhaps with "/2".
template <class Bits>
bool add_item(const Field& field, std::string_view item, Bits& bits) {
  int step = 1;
  const auto slash = item.find('/');
  const auto range = item.substr(0, slash);
  if (slash != std::string_view::npos) {
    const auto given = whole(item.substr(slash + 1));
    // Of one number there are no steps.
    if (!given || *given < 1 || *given > field.high || (range != "*" && range.find('-') == range.npos))
      return false;
    step = *given;
  }
  std::optional<int> first = field.low, last = field.high;
  if (range != "*") {
    const auto dash = range.find('-');
    first = value_of(field, range.substr(0, dash));
    last = dash == std::string_view::npos ? first : value_of(field, range.substr(dash + 1));
  }
  if (!first || !last || *first > *last) return false;
  for (int value = *first; value <= *last; value += step) bits.set(static_cast<std::size_t>(value));
  return true;
}

template <class Bits>
bool add_field(const Field& field, std::string_view text, Bits& bits) {
  for (;;) {
    const auto comma = text.find(',');
    if (!add_item(field, text.substr(0, comma), bits)) return false;
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  constexpr std::string_view blanks = " \t";
  for (;;) {
    const auto start = text.find_first_not_of(blanks);
    if (start == std::string_view::npos) return out;
    text.remove_prefix(start);
    const auto end = std::min(text.find_first_of(blanks), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace

Result<Cron> Cron::parse(std::string_view expression) {
  if (expression.size() > longest) return bad("it is longer than " + std::to_string(longest) + " characters");
  const auto texts = split(expression);
  if (texts.size() != fields.size()) return bad("it has " + std::to_string(texts.size()) + " fields");
  Cron cron;
  const auto add = [&](std::size_t at, auto& bits) { return add_field(fields[at], texts[at], bits); };
  if (!add(0, cron.minutes_)) return bad_field(fields[0], texts[0]);
  if (!add(1, cron.hours_)) return bad_field(fields[1], texts[1]);
  if (!add(2, cron.days_)) return bad_field(fields[2], texts[2]);
  if (!add(3, cron.months_)) return bad_field(fields[3], texts[3]);
  if (!add(4, cron.weekdays_)) return bad_field(fields[4], texts[4]);
  if (cron.weekdays_[7]) cron.weekdays_.set(0);
  cron.either_day_ = texts[2].front() != '*' && texts[4].front() != '*';
  for (const auto text : texts) cron.expression_.append(cron.expression_.empty() ? "" : " ").append(text);

  constexpr sys_days some_day{std::chrono::year{2000} / 1 / 1};
  for (int day = 0; day < search_days; ++day)
    if (cron.comes_on(some_day + days{day})) return cron;
  return bad("no year has such a day");
}

bool Cron::comes_on(std::chrono::year_month_day day) const {
  if (!months_[unsigned{day.month()}]) return false;
  const bool by_date = days_[unsigned{day.day()}];
  const bool by_week = weekdays_[std::chrono::weekday{sys_days{day}}.c_encoding()];
  return either_day_ ? by_date || by_week : by_date && by_week;
}

UtcTime Cron::next_after(UtcTime time) const {
  const auto first = std::chrono::floor<std::chrono::minutes>(time) + std::chrono::minutes{1};
  const auto today = std::chrono::floor<days>(first);
  auto minute_of_day = (first - today).count();
  for (int day = 0; day <= search_days; ++day, minute_of_day = 0) {
    if (!comes_on(today + days{day})) continue;
    for (; minute_of_day < 24 * 60; ++minute_of_day)
      if (hours_[static_cast<std::size_t>(minute_of_day / 60)] &&
          minutes_[static_cast<std::size_t>(minute_of_day % 60)])
        return today + days{day} + std::chrono::minutes{minute_of_day};
  }
  throw std::logic_error("a cron expression that never comes was let in");
}

UtcTime Cron::latest_at(UtcTime time) const {
  const auto last = std::chrono::floor<std::chrono::minutes>(time);
  const auto today = std::chrono::floor<days>(last);
  auto minute_of_day = (last - today).count();
  for (int day = 0; day <= search_days; ++day, minute_of_day = 24 * 60 - 1) {
    if (!comes_on(today - days{day})) continue;
    for (; minute_of_day >= 0; --minute_of_day)
      if (hours_[static_cast<std::size_t>(minute_of_day / 60)] &&
          minutes_[static_cast<std::size_t>(minute_of_day % 60)])
        return today - days{day} + std::chrono::minutes{minute_of_day};
  }
  throw std::logic_error("a cron expression that never comes was let in");
}

}  // namespace voxanne::jobs
