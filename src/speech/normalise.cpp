#include "speech/normalise.h"

#include "speech/characters.h"
#include "speech/expand.h"
#include "speech/plain_text.h"

#include <algorithm>
#include <utility>

namespace voxanne::speech {
namespace {

using Pause = SaidWord::Pause;

struct RawToken {
  std::string_view text;  // without surrounding punctuation
  std::size_t end;        // of the whole, in plain characters
  Pause pause;            // by its own punctuation and the line break after it
};

bool is_blank(char c) { return c == ' ' || c == '\n'; }
bool is_core(char c) { return is_letter(c) || is_digit(c) || c == '&' || c == '%' || c == '@'; }
bool opens_core(char c) {
  return is_core(c) || c == pound_sign || c == euro_sign || c == '$' || c == '+' || c == '#';
}
bool closes_core(char c) { return is_core(c) || c == degree_sign || c == '\''; }

Pause pause_of(std::string_view punctuation) {
  if (punctuation.find_first_of("?") != punctuation.npos) return Pause::question;
  if (punctuation.find_first_of(".!") != punctuation.npos) return Pause::sentence;
  if (punctuation.find_first_of(",;:)-") != punctuation.npos) return Pause::clause;
  return Pause::none;
}

// A line break ends a sentence unless the next line goes on with a small letter (wrapped text).
bool line_ends_sentence(std::string_view plain, std::size_t at) {
  bool broken = false, twice = false;
  for (; at < plain.size() && is_blank(plain[at]); ++at) {
    twice = twice || (broken && plain[at] == '\n');
    broken = broken || plain[at] == '\n';
  }
  return twice || (broken && at < plain.size() && !is_lower(plain[at]));
}

std::vector<RawToken> tokens_of(std::string_view plain) {
  std::vector<RawToken> out;
  for (std::size_t at = 0; at < plain.size();) {
    if (is_blank(plain[at])) {
      ++at;
      continue;
    }
    const auto end = static_cast<std::size_t>(
        std::find_if(plain.begin() + static_cast<std::ptrdiff_t>(at), plain.end(), is_blank) - plain.begin());
    const auto all = plain.substr(at, end - at);
    at = end;
    const auto first = static_cast<std::size_t>(std::ranges::find_if(all, opens_core) - all.begin());
    std::size_t last = all.size();
    while (last > first && !closes_core(all[last - 1])) --last;
    Pause pause = pause_of(first == all.size() ? all : all.substr(last));
    if (last == first) {
      if (!out.empty()) out.back().pause = std::max(out.back().pause, pause);
      continue;
    }
    auto core = all.substr(first, last - first);
    if (last < all.size() && all[last] == '.' &&
        is_dotted_abbreviation(all.substr(first, last + 1 - first))) {
      // "… at 5 p.m. Please …" does end a sentence, "Dr. Smith" does not.
      const auto next = plain.find_first_not_of(" \n", end);
      const bool title = core.find('.') == core.npos && lower(core) != "etc" && lower(core) != "ltd";
      if (next != plain.npos && (title || !is_upper(plain[next]))) pause = pause_of(all.substr(last + 1));
    }
    if (line_ends_sentence(plain, end) && pause < Pause::sentence) pause = Pause::sentence;
    out.push_back({core, end, pause});
  }
  return out;
}

}  // namespace

std::vector<SaidWord> normalise(std::string_view text) {
  const PlainText plain = plain_text(text);
  const auto tokens = tokens_of(plain.characters);
  std::vector<SaidWord> out;
  bool in_phone_number = false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto& token = tokens[i];
    const auto neighbour = [&](std::size_t at) {
      return at < tokens.size() ? tokens[at].text : std::string_view{};
    };
    const auto before = out.size();
    const bool follows_pause = i > 0 && tokens[i - 1].pause > Pause::clause;
    const auto said = expand({.text = token.text,
                              .previous = i > 0 ? neighbour(i - 1) : std::string_view{},
                              .next = neighbour(i + 1),
                              .in_phone_number = in_phone_number && !follows_pause},
                             out);
    in_phone_number = said == Said::phone_number_group;
    // The end in the source, less the punctuation's own trailing quote or bracket, is the token's.
    const auto source_end = plain.source_end[token.end - 1];
    for (auto word = before; word < out.size(); ++word) out[word].source_end = source_end;
    if (out.empty()) continue;
    auto pause = token.pause;
    if (in_phone_number && all_digits(neighbour(i + 1)) && out.size() - before >= 3)
      pause = std::max(pause, Pause::clause);
    out.back().pause = std::max(out.back().pause, pause);
  }
  return out;
}

std::vector<std::string> said_sentences(std::string_view text) {
  std::vector<std::string> out;
  std::string sentence;
  for (const auto& word : normalise(text)) {
    if (!sentence.empty()) sentence += ' ';
    sentence += word.text;
    if (word.pause >= Pause::sentence) out.push_back(std::exchange(sentence, {}));
  }
  if (!sentence.empty()) out.push_back(std::move(sentence));
  return out;
}

}  // namespace voxanne::speech
