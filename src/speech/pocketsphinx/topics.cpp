#include "speech/pocketsphinx/topics.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

namespace voxanne::speech::pocketsphinx {
namespace {

// Words that are not asked about by themselves.
bool is_function_word(std::string_view word) {
  static const std::set<std::string_view> words{
      "a",      "an",      "the",     "and",    "or",     "but",     "if",       "of",     "to",
      "in",     "on",      "at",      "by",     "for",    "with",    "from",     "as",     "is",
      "are",    "was",     "were",    "be",     "been",   "am",      "do",       "does",   "did",
      "have",   "has",     "had",     "will",   "would",  "can",     "could",    "may",    "might",
      "must",   "shall",   "should",  "not",    "no",     "yes",     "we",       "you",    "he",
      "she",    "it",      "they",    "i",      "me",     "us",      "him",      "her",    "them",
      "our",    "your",    "his",     "its",    "their",  "my",      "this",     "that",   "these",
      "those",  "there",   "here",    "who",    "which",  "what",    "when",     "where",  "why",
      "how",    "all",     "any",     "each",   "every",  "some",    "more",     "most",   "other",
      "than",   "then",    "so",      "up",     "out",    "about",   "into",     "over",   "after",
      "before", "between", "through", "during", "under",  "until",   "while",    "also",   "only",
      "very",   "just",    "per",     "via",    "please", "oh",      "such",     "both",   "it's",
      "we're",  "you're",  "don't",   "can't",  "won't",  "let",     "get",      "got",    "make",
      "made",   "take",    "need",    "one",    "two",    "three",   "four",     "five",   "six",
      "seven",  "eight",   "nine",    "ten",    "eleven", "twelve",  "twenty",   "thirty", "forty",
      "fifty",  "sixty",   "seventy", "eighty", "ninety", "hundred", "thousand", "zero",   "fifteen",
      "pounds", "pound",   "dollars", "euros",  "pence",  "percent", "o'clock",  "p",      "m",
      "s",      "t"};
  return words.contains(word);
}

std::vector<std::string_view> words_of(std::string_view sentence) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < sentence.size();) {
    const auto end = std::min(sentence.find(' ', at), sentence.size());
    if (end > at) words.push_back(sentence.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace

std::vector<std::string> topics_of(std::span<const std::string> sentences, std::size_t most) {
  std::map<std::string, double> scores;
  for (const auto& sentence : sentences) {
    const auto words = words_of(sentence);
    for (std::size_t first = 0; first < words.size(); ++first) {
      std::string phrase;
      for (std::size_t length = 1; length <= 3 && first + length <= words.size(); ++length) {
        const auto word = words[first + length - 1];
        if (is_function_word(word)) break;
        if (!phrase.empty()) phrase += ' ';
        phrase += word;
        // A phrase tells more than its words, a repeated one more than a chance neighbourhood.
        scores[phrase] += length == 1 ? 1.0 : 0.8;
      }
    }
  }
  std::vector<std::pair<double, std::string>> ranked;
  for (auto& [phrase, score] : scores) ranked.emplace_back(score, phrase);
  std::ranges::sort(ranked, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  if (ranked.size() > most) ranked.resize(most);
  std::vector<std::string> topics;
  for (auto& [score, phrase] : ranked) topics.push_back(std::move(phrase));
  return topics;
}

}  // namespace voxanne::speech::pocketsphinx
