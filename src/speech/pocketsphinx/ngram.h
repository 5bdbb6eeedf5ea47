// A trigram model estimated from sentences and written as ARPA text: interpolated Witten–Bell
// smoothing. Sentences carry weights, so that a template with a hundred fillings counts like one
// sentence; accordingly a type seen with a count below one counts as that fraction of a type (with
// whole counts this is the textbook estimate).
//
//   P(w|uv) = (c(uvw) + T(uv) · P(w|v)) / (c(uv) + T(uv)),   T(h) = Σ_w min(1, c(hw))
//
// Pure and deterministic: the same sentences in the same order give the same bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace voxanne::speech::pocketsphinx {

class NgramCounts {
 public:
  NgramCounts();

  // Words separated by single blanks.
  void add(std::string_view sentence, double weight);

  std::string arpa() const;
  // Without the sentence boundaries, in order of first appearance.
  std::span<const std::string> words() const { return std::span{words_}.subspan(2); }
  std::size_t ngrams() const { return bigrams_.size() + trigrams_.size() + words_.size(); }

 private:
  using Word = std::uint32_t;
  using Key = std::uint64_t;  // two or three words, 21 bits each

  Word id_of(std::string_view word);

  std::vector<std::string> words_;
  std::unordered_map<std::string, Word> ids_;
  std::vector<double> unigrams_;
  std::unordered_map<Key, double> bigrams_, trigrams_;
};

}  // namespace voxanne::speech::pocketsphinx
