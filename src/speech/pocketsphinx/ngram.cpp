#include "speech/pocketsphinx/ngram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr std::uint32_t sentence_start = 0, sentence_end = 1;
constexpr unsigned word_bits = 21;
constexpr std::uint64_t word_mask = (1ULL << word_bits) - 1;

constexpr std::uint64_t join(std::uint64_t history, std::uint32_t word) {
  return history << word_bits | word;
}

struct History {
  double count = 0, types = 0;

  void see(double weight) {
    count += weight;
    types += std::min(1.0, weight);
  }
  double estimate(double weight, double lower) const { return (weight + types * lower) / (count + types); }
  // What is left for words not seen after this history; interpolation makes it the backoff weight.
  double backoff() const { return types / (count + types); }
};

std::vector<std::pair<std::uint64_t, double>> sorted(
    const std::unordered_map<std::uint64_t, double>& counts) {
  std::vector<std::pair<std::uint64_t, double>> out{counts.begin(), counts.end()};
  std::ranges::sort(out);
  return out;
}

}  // namespace

NgramCounts::NgramCounts() {
  id_of("<s>");
  id_of("</s>");
}

NgramCounts::Word NgramCounts::id_of(std::string_view word) {
  const auto [entry, added] = ids_.try_emplace(std::string{word}, static_cast<Word>(words_.size()));
  if (added) {
    words_.emplace_back(word);
    unigrams_.push_back(0);
  }
  return entry->second;
}

void NgramCounts::add(std::string_view sentence, double weight) {
  Word before = sentence_start;
  std::uint64_t history = sentence_start;  // the last two words, once there are two
  bool has_two = false;
  const auto see = [&](Word word) {
    unigrams_[word] += weight;
    bigrams_[join(before, word)] += weight;
    if (has_two) trigrams_[join(history, word)] += weight;
    history = join(before, word);
    has_two = true;
    before = word;
  };
  bool any = false;
  for (std::size_t at = 0; at < sentence.size();) {
    const auto end = std::min(sentence.find(' ', at), sentence.size());
    if (end > at) {
      if (words_.size() >= word_mask) return;
      see(id_of(sentence.substr(at, end - at)));
      any = true;
    }
    at = end + 1;
  }
  if (any) see(sentence_end);
}

std::string NgramCounts::arpa() const {
  History all;
  for (const double count : unigrams_) all.see(count);
  // The start is never predicted.
  const double uniform = 1.0 / static_cast<double>(words_.size() - 1);
  const auto unigram = [&](Word word) { return all.estimate(unigrams_[word], uniform); };

  const auto bigrams = sorted(bigrams_);
  const auto trigrams = sorted(trigrams_);
  std::vector<History> after_word(words_.size());
  for (const auto& [key, count] : bigrams) after_word[key >> word_bits].see(count);
  std::unordered_map<Key, History> after_pair;
  for (const auto& [key, count] : trigrams) after_pair[key >> word_bits].see(count);
  const auto bigram = [&](Key key, double count) {
    return after_word[key >> word_bits].estimate(count, unigram(static_cast<Word>(key & word_mask)));
  };

  std::string out = fmt::format("\\data\\\nngram 1={}\nngram 2={}\nngram 3={}\n", words_.size(),
                                bigrams.size(), trigrams.size());
  const auto into = std::back_inserter(out);
  const auto backoff = [](const History& history) {
    return history.count > 0 ? std::log10(history.backoff()) : 0.0;
  };
  const auto word_of = [&](Key key, unsigned place) -> const std::string& {
    return words_[key >> (place * word_bits) & word_mask];
  };
  out += "\n\\1-grams:\n";
  for (Word word = 0; word < words_.size(); ++word) {
    const double log_probability = word == sentence_start ? -99.0 : std::log10(unigram(word));
    fmt::format_to(into, "{:.4f} {} {:.4f}\n", log_probability, words_[word], backoff(after_word[word]));
  }
  out += "\n\\2-grams:\n";
  for (const auto& [key, count] : bigrams) {
    const auto pair = after_pair.find(key);
    fmt::format_to(into, "{:.4f} {} {} {:.4f}\n", std::log10(bigram(key, count)), word_of(key, 1),
                   word_of(key, 0), pair == after_pair.end() ? 0.0 : backoff(pair->second));
  }
  out += "\n\\3-grams:\n";
  for (const auto& [key, count] : trigrams) {
    const Key pair = key & (word_mask << word_bits | word_mask);
    const auto seen = bigrams_.find(pair);
    const double lower = bigram(pair, seen->second);  // every trigram's last two words are a bigram
    fmt::format_to(into, "{:.4f} {} {} {}\n", std::log10(after_pair[key >> word_bits].estimate(count, lower)),
                   word_of(key, 2), word_of(key, 1), word_of(key, 0));
  }
  out += "\n\\end\\\n";
  return out;
}

}  // namespace voxanne::speech::pocketsphinx
