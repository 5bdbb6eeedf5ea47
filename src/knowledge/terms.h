// Words as answers are looked for by: lower case, a light English stem, without words that carry no
// meaning of their own, and with what callers call by several names under one: "how much", "cost",
// "fee" and "£45" are all @price. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge {

struct Term {
  enum class Kind : std::uint8_t {
    word,     // a stem
    subject,  // a concept of receptionists' questions: "@parking"
    frame,    // which kind of answer is wanted rather than about what: "@price", "@hours"
    weak,     // a stem of a word that says little by itself: "work", "moment", "properly"
  } kind = Kind::word;
  std::string text;  // to compare by
  std::string said;  // of a word: as it stood there, in lower case
};

// Knowledge also yields what it implies: "Monday to Friday" is every day between, "£45" a price,
// "30 minutes" a duration.
enum class Role : std::uint8_t { question, knowledge };

// In the order of the text; a repeated term once.
std::vector<Term> terms_of(std::string_view text, Role role);

// The words by which an index with a stemmer of its own finds a term: all its names.
std::vector<std::string> names_of(const Term& term);

// Terms that are often, though not always, meant when this one is said: "toothache" → @emergency.
std::span<const std::string_view> related_to(std::string_view term);

// "openings" → "open", "practices" → "practic": equal for the forms of one word, itself no word.
std::string stem(std::string_view lower_case_word);

}  // namespace voxanne::knowledge
