// Numbers in English words, as a British receptionist says them ("one hundred and five"), without
// hyphens. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::speech {

using Words = std::vector<std::string>;

// 1205 → one thousand two hundred and five. Beyond 999,999,999,999 digit by digit.
Words cardinal(std::uint64_t number);
// 23 → twenty third
Words ordinal(std::uint64_t number);
// "0207" → zero two zero seven; characters other than digits are skipped.
Words digit_by_digit(std::string_view digits);
// 2026 → twenty twenty six, 2005 → two thousand and five, 1900 → nineteen hundred
Words year(unsigned number);
// 9, 30 → nine thirty; 9, 5 → nine oh five; 9, 0 → nine o'clock
Words clock_time(unsigned hour, unsigned minute);
// 1–12 → january … december; empty otherwise.
std::string_view month_name(unsigned month);

}  // namespace voxanne::speech
