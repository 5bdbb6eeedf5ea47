// Numbers as people dictate and hear them: "oh seven seven double oh, nine hundred, one two three"
// is 07700900123. Pure; any text is accepted, however long, and the answer is bounded.
#pragma once

#include <string>
#include <string_view>

namespace voxanne::conversation {

inline constexpr std::size_t longest_dictation = 32;  // digits; what follows is not kept

struct Dictation {
  std::string digits;        // 0–9, with a leading '+' if it was said
  std::size_t trailing = 0;  // how many of them came last, with no other word after them
  bool only_digits = true;   // no words but numbers and fillers ("um", "it's", "my number is")
};

// Knows digits and numerals, "oh" and "nought", "double" and "triple", "twenty one" (21), "nine
// hundred" (900), "plus", and words that recognizers confuse with digits ("to", "for") where they
// stand between digits.
Dictation parse_spoken_digits(std::string_view text);

// True when as many digits as a telephone number has were given: then nobody is still dictating.
bool looks_like_whole_number(std::string_view digits);

// Digit by digit, in groups: "oh seven seven oh oh, nine oh oh, one two three".
std::string say_digits(std::string_view digits);

}  // namespace voxanne::conversation
