#include "speech/pocketsphinx/lexicon.h"

#include "speech/flite/voice.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

namespace voxanne::speech::pocketsphinx {
namespace {

// How "thank" is heard: in nearly every call, said in passing, and of its first sound the telephone leaves
// nothing. The model of language tells it from "can", "him" and "sam" by what is around it.
std::vector<std::string> ways_of_thanking(std::string_view word) {
  std::vector<std::string> ways;
  if (word != "thank" && word != "thanks") return ways;
  for (const std::string first : {"S", "K", "HH", "DH"})
    for (const std::string vowel : {"AE", "EH"})
      ways.push_back(first + ' ' + vowel + (word == "thank" ? " NG K" : " NG K S"));
  return ways;
}

}  // namespace

Result<Dictionary> pronounce_all(std::span<const std::string> words, const std::filesystem::path& cmudict) {
  std::ifstream file{cmudict, std::ios::binary};
  if (!file)
    return not_found("no_pronouncing_dictionary",
                     "cannot read " + cmudict.string() + ": install the package pocketsphinx-en-us");
  std::ostringstream content;
  content << file.rdbuf();
  const std::string all = std::move(content).str();

  std::map<std::string_view, std::vector<std::string_view>> known;
  for (const auto& word : words) known[word];
  for (std::size_t at = 0; at < all.size();) {
    const auto end = std::min(all.find('\n', at), all.size());
    const auto line = std::string_view{all}.substr(at, end - at);
    at = end + 1;
    const auto blank = line.find(' ');
    if (blank == line.npos) continue;
    const auto head = line.substr(0, std::min(line.find('('), blank));
    if (const auto entry = known.find(head); entry != known.end())
      entry->second.push_back(line.substr(blank + 1, line.find_last_not_of(" \r") - blank));
  }

  Dictionary dictionary;
  for (const auto& [word, variants] : known) {
    std::string guess;
    std::vector<std::string_view> phones = variants;
    const auto thanking = ways_of_thanking(word);
    for (const auto& way : thanking)
      if (std::ranges::find(phones, way) == phones.end()) phones.push_back(way);
    if (phones.empty()) {
      guess = flite::pronounce(word);
      if (guess.empty()) continue;
      phones.push_back(guess);
      ++dictionary.guessed;
    }
    dictionary.words.emplace(word);
    for (std::size_t i = 0; i < phones.size(); ++i) {
      dictionary.text += word;
      if (i > 0) dictionary.text += '(' + std::to_string(i + 1) + ')';
      dictionary.text += ' ';
      dictionary.text += phones[i];
      dictionary.text += '\n';
    }
  }
  return dictionary;
}

}  // namespace voxanne::speech::pocketsphinx
