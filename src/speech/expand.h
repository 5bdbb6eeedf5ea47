// One blank-separated token of plain text → the words it is said with: "£45.50" → forty five pounds
// fifty, "Dr" → doctor, "NHS" → n h s. The neighbours decide what the token alone leaves open.
// Used by normalise(); pure.
#pragma once

#include "speech/normalise.h"

#include <string_view>
#include <vector>

namespace voxanne::speech {

struct Token {
  std::string_view text;            // of plain_text(), without surrounding punctuation
  std::string_view previous, next;  // its neighbours, empty at the ends
  bool in_phone_number = false;     // the previous token was a group of a phone number
};

enum class Said { words, phone_number_group };

Said expand(const Token& token, std::vector<SaidWord>& out);

// "Dr.", "e.g.", "p.m.": the final dot belongs to the token and ends no sentence.
bool is_dotted_abbreviation(std::string_view token);

}  // namespace voxanne::speech
