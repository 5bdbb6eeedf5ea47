// How written short forms are said. Keys are lower case, without their final dot; an empty answer
// means that the word has no such reading. Pure tables of expand().
#pragma once

#include <string_view>

namespace voxanne::speech {

// dr → doctor, etc → et cetera
std::string_view abbreviation(std::string_view key);
// After a number: min → minutes, km → kilometres
std::string_view unit_name(std::string_view key);
// mon → monday. Saturday and Sunday apart, because "sat" and "sun" are words of their own: days only
// beside another day or a number.
std::string_view day_name(std::string_view key);
std::string_view weekend_name(std::string_view key);
// Beside a number: dec → december
std::string_view month_of(std::string_view key);

bool is_vowel(char c);
// "NHS" is spelled, "PIN" is read: capitals without a vowel, and known exceptions.
bool is_spelled(std::string_view word);

}  // namespace voxanne::speech
