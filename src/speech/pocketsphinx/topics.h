// What an organization's texts are about: phrases of one to three content words, most telling first,
// about which callers will ask. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace voxanne::speech::pocketsphinx {

// Sentences as said_sentences() gives them.
std::vector<std::string> topics_of(std::span<const std::string> sentences, std::size_t most);

}  // namespace voxanne::speech::pocketsphinx
