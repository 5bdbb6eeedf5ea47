// Pronunciations for a model's words: from CMUdict where it has them (all variants), else by flite's
// letter-to-sound rules. The dictionary text is PocketSphinx's: "word PH ON EM" and "word(2) …".
#pragma once

#include "base/result.h"

#include <filesystem>
#include <span>
#include <string>
#include <unordered_set>

namespace voxanne::speech::pocketsphinx {

struct Dictionary {
  std::string text;
  std::unordered_set<std::string> words;  // those that have a pronunciation
  std::size_t guessed = 0;                // of them, by letter-to-sound rules
};

// Reads the whole CMUdict file (3 MB, about 20 ms). not_found when it is missing.
Result<Dictionary> pronounce_all(std::span<const std::string> words, const std::filesystem::path& cmudict);

}  // namespace voxanne::speech::pocketsphinx
