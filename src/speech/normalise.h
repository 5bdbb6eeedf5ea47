// Written text → the words that are said: "£45, Mon–Fri at 9:30" → forty five pounds, monday to
// friday at nine thirty. One normalisation serves both directions: the synthesizer speaks these
// words, and the recognizer's language model expects callers to say them.
//
// Pure. Any bytes are accepted (UTF-8 is decoded, Latin letters lose their accents, everything that
// cannot be said is skipped); the work is linear in the text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::speech {

struct SaidWord {
  // What follows the word.
  enum class Pause : unsigned char { none, clause, sentence, question };

  std::string text;     // a–z and '
  bool letter = false;  // the name of a letter ("a" in "A & E", not the article)
  Pause pause = Pause::none;
  std::size_t source_end = 0;  // end, in the given text, of the expression this word belongs to
};

std::vector<SaidWord> normalise(std::string_view text);

// One entry per sentence, words joined by blanks: what a language model is built from.
std::vector<std::string> said_sentences(std::string_view text);

}  // namespace voxanne::speech
