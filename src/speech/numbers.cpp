#include "speech/numbers.h"

#include <array>

namespace voxanne::speech {
namespace {

constexpr std::array<std::string_view, 20> small{"zero",    "one",     "two",       "three",    "four",
                                                 "five",    "six",     "seven",     "eight",    "nine",
                                                 "ten",     "eleven",  "twelve",    "thirteen", "fourteen",
                                                 "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 10> tens{"",      "",      "twenty",  "thirty", "forty",
                                                "fifty", "sixty", "seventy", "eighty", "ninety"};

void append(Words& out, std::string_view word) { out.emplace_back(word); }

void append_below_hundred(Words& out, unsigned number) {
  if (number < small.size()) return append(out, small[number]);
  append(out, tens[number / 10]);
  if (number % 10 != 0) append(out, small[number % 10]);
}

void append_below_thousand(Words& out, unsigned number) {
  if (number >= 100) {
    append(out, small[number / 100]);
    append(out, "hundred");
    if (number % 100 == 0) return;
    append(out, "and");
  }
  append_below_hundred(out, number % 100);
}

std::string ordinal_of(std::string_view cardinal_word) {
  struct Irregular {
    std::string_view cardinal, ordinal;
  };
  static constexpr std::array<Irregular, 7> irregular{{{"one", "first"},
                                                       {"two", "second"},
                                                       {"three", "third"},
                                                       {"five", "fifth"},
                                                       {"eight", "eighth"},
                                                       {"nine", "ninth"},
                                                       {"twelve", "twelfth"}}};
  for (const auto& entry : irregular)
    if (entry.cardinal == cardinal_word) return std::string{entry.ordinal};
  std::string word{cardinal_word};
  if (word.back() == 'y') {
    word.pop_back();
    word += "ie";
  }
  return word + "th";
}

}  // namespace

Words cardinal(std::uint64_t number) {
  Words out;
  if (number >= 1'000'000'000'000) return digit_by_digit(std::to_string(number));
  struct Scale {
    std::uint64_t value;
    std::string_view word;
  };
  static constexpr std::array<Scale, 3> scales{
      {{1'000'000'000, "billion"}, {1'000'000, "million"}, {1'000, "thousand"}}};
  for (const auto& scale : scales) {
    if (number < scale.value) continue;
    append_below_thousand(out, static_cast<unsigned>(number / scale.value));
    append(out, scale.word);
    number %= scale.value;
    if (number == 0) return out;
    if (number < 100) append(out, "and");
  }
  append_below_thousand(out, static_cast<unsigned>(number));
  return out;
}

Words ordinal(std::uint64_t number) {
  Words out = cardinal(number);
  out.back() = ordinal_of(out.back());
  return out;
}

Words digit_by_digit(std::string_view digits) {
  Words out;
  for (const char c : digits)
    if (c >= '0' && c <= '9') append(out, small[static_cast<std::size_t>(c - '0')]);
  return out;
}

Words year(unsigned number) {
  if (number < 1000 || number > 9999 || number % 1000 < 10) return cardinal(number);
  Words out;
  append_below_hundred(out, number / 100);
  if (number % 100 == 0) {
    append(out, "hundred");
  } else {
    if (number % 100 < 10) append(out, "oh");
    append_below_hundred(out, number % 100);
  }
  return out;
}

Words clock_time(unsigned hour, unsigned minute) {
  Words out;
  append_below_hundred(out, hour % 100);
  if (minute == 0) {
    append(out, hour <= 12 ? "o'clock" : "hundred");
  } else {
    if (minute < 10) append(out, "oh");
    append_below_hundred(out, minute % 100);
  }
  return out;
}

std::string_view month_name(unsigned month) {
  static constexpr std::array<std::string_view, 12> names{"january",   "february", "march",    "april",
                                                          "may",       "june",     "july",     "august",
                                                          "september", "october",  "november", "december"};
  return month >= 1 && month <= 12 ? names[month - 1] : std::string_view{};
}

}  // namespace voxanne::speech
