// Sentence patterns and their fillings: "(hi|hello|) my name is <given> <family>" → many sentences.
// "(a|b|)" chooses one, "<class>" draws from a list of words or phrases; an alternative may hold one
// class. Pure and deterministic.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::speech::pocketsphinx {

using Phrases = std::vector<std::string>;
using Classes = std::map<std::string, Phrases, std::less<>>;

// All fillings where they are at most `most`; otherwise at least `most` draws, enough that every
// member of every class occurs. A pattern that names an unknown or empty class has no filling.
std::vector<std::string> fill(std::string_view pattern, const Classes& classes, std::size_t most);

}  // namespace voxanne::speech::pocketsphinx
