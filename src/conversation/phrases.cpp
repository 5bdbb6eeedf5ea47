#include "conversation/phrases.h"

#include <algorithm>
#include <array>

namespace voxanne::conversation {
namespace {

constexpr std::size_t most_words = 400;

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& set) {
  return std::ranges::find(set, word) != set.end();
}

constexpr auto attention = std::to_array<std::string_view>(
    {"mm",  "mmm",  "mhm",  "mmhmm", "hmm",     "hm",   "huh", "uh",  "um",    "er",     "erm",    "ah",
     "aha", "oh",   "ok",   "okay",  "yes",     "yeah", "yep", "yup", "right", "sure",   "good",   "great",
     "all", "fine", "nice", "cool",  "alright", "i",    "see", "got", "it",    "lovely", "exactly"});
// These are attention only beside another word of it: "i see", "got it", "all right".
constexpr auto helpers = std::to_array<std::string_view>({"i", "it", "all", "see", "got"});
constexpr auto farewells = std::to_array<std::string_view>(
    {"bye",     "goodbye", "good", "cheers", "thanks", "thank", "you",   "very",  "much",
     "then",    "now",     "so",   "have",   "a",      "day",   "nice",  "too",   "ta",
     "cheerio", "see",     "ok",   "okay",   "yes",    "right", "great", "lovely"});

// After these words a sentence goes on.
constexpr auto open_ends = std::to_array<std::string_view>(
    {"a",     "about", "am",   "an",     "and",  "are",   "at",    "because", "but",  "by",
     "can",   "could", "do",   "does",   "er",   "erm",   "for",   "from",    "has",  "have",
     "he",    "her",   "his",  "how",    "i",    "i'd",   "i'll",  "i'm",     "i've", "if",
     "in",    "is",    "it's", "like",   "my",   "of",    "on",    "or",      "our",  "she",
     "since", "so",    "than", "that's", "the",  "their", "they",  "to",      "uh",   "um",
     "was",   "we",    "well", "were",   "when", "where", "which", "whether", "who",  "will",
     "with",  "would", "your", "mister", "mrs",  "miss",  "doctor"});
// With these somebody begins who wants something.
constexpr auto beginnings = std::to_array<std::string_view>(
    {"am",   "are", "can", "could", "do",   "does",  "how",   "i",   "i'd",  "i'll", "i'm",
     "i've", "is",  "my",  "we",    "when", "where", "which", "who", "will", "would"});
// So short and frequent that a recognizer makes them of any sound.
constexpr auto carriers = std::to_array<std::string_view>({"it", "me", "that", "there", "this", "you"});
// These are whole answers by themselves; another lone word may be the first of several.
constexpr auto short_answers = std::to_array<std::string_view>(
    {"yes",        "yeah",       "yep",     "yup",      "no",       "nope",    "nah",    "hello",
     "hi",         "bye",        "goodbye", "thanks",   "pardon",   "sorry",   "what",   "okay",
     "ok",         "correct",    "right",   "sure",     "please",   "help",    "repeat", "again",
     "wrong",      "cancel",     "stop",    "nothing",  "never",    "neither", "both",   "maybe",
     "definitely", "absolutely", "exactly", "operator", "reception"});

constexpr auto abbreviations = std::to_array<std::string_view>(
    {"Dr", "Mr", "Mrs", "Ms", "St", "Prof", "No", "Tel", "Ext", "Rev", "approx", "ca"});

bool attends(std::string_view word) { return one_of(word, attention) && !one_of(word, helpers); }

bool is_letter(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || u >= 0x80;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty() && words.size() < most_words) words.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_letter(c))
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    else if (c == '\'' && !word.empty() && i + 1 < text.size() && is_letter(text[i + 1]))
      word += c;
    else
      flush();
  }
  flush();
  return words;
}

bool is_backchannel(const std::vector<std::string>& words) {
  if (words.empty() || words.size() > 5) return false;
  return std::ranges::all_of(words, [](const auto& w) { return one_of(w, attention); }) &&
         (words.size() > 1 || !one_of(words.front(), helpers));
}

bool has_attention(const std::vector<std::string>& words) { return std::ranges::any_of(words, attends); }

bool ends_in_attention(const std::vector<std::string>& words) {
  return words.size() == 2 && attends(words.back()) && !one_of(words.front(), short_answers);
}

bool has_content(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const auto& w) {
    return !one_of(w, open_ends) && !one_of(w, carriers) && !one_of(w, attention);
  });
}

bool has_beginning(const std::vector<std::string>& words) {
  return std::ranges::any_of(words, [](const auto& w) { return one_of(w, beginnings); });
}

bool is_farewell(const std::vector<std::string>& words) {
  return !words.empty() && words.size() <= 12 &&
         std::ranges::all_of(words, [](const auto& w) { return one_of(w, farewells); });
}

bool asks_to_wait(const std::vector<std::string>& words) {
  static const auto asks = [] {
    std::vector<std::vector<std::string>> phrases;
    for (const auto* phrase :
         {"hold on", "hang on", "one moment", "one second", "one minute", "just a moment", "just a second",
          "just a minute", "just a sec", "a moment please", "wait a", "give me a", "bear with me",
          "let me look", "let me check", "let me find", "let me get"})
      phrases.push_back(words_of(phrase));
    return phrases;
  }();
  return words.size() <= 10 &&
         std::ranges::any_of(asks, [&](const auto& phrase) { return occurs_in(phrase, words); });
}

bool looks_complete(const std::vector<std::string>& words) {
  if (words.empty() || one_of(words.back(), open_ends)) return false;
  return words.size() > 1 || one_of(words.front(), short_answers);
}

bool occurs_in(const std::vector<std::string>& words, const std::vector<std::string>& text) {
  return !words.empty() && !std::ranges::search(text, words).empty();
}

std::vector<std::string> sentences_of(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  std::vector<std::string> sentences;
  const auto add = [&](std::string_view part) {
    const auto first = part.find_first_not_of(blanks);
    if (first == std::string_view::npos) return;
    sentences.emplace_back(part.substr(first, part.find_last_not_of(blanks) - first + 1));
  };
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const char c = text[i];
    if ((c != '.' && c != '?' && c != '!') || blanks.find(text[i + 1]) == std::string_view::npos) continue;
    if (c == '.') {
      const auto word_begin = text.find_last_of(" .", i == 0 ? 0 : i - 1);
      const auto word = text.substr(word_begin == std::string_view::npos ? 0 : word_begin + 1,
                                    i - (word_begin == std::string_view::npos ? 0 : word_begin + 1));
      const auto next = text.find_first_not_of(blanks, i + 1);
      const bool goes_on = next != std::string_view::npos && text[next] >= 'a' && text[next] <= 'z';
      if (goes_on || word.size() == 1 || one_of(word, abbreviations)) continue;
    }
    add(text.substr(begin, i + 1 - begin));
    begin = i + 1;
  }
  add(text.substr(begin));
  return sentences;
}

}  // namespace voxanne::conversation
