// Text cut into sentences that can be said. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::knowledge {

// One line of Markdown without its inline marks: emphasis, code, links and images by their words,
// escapes and entities resolved, blanks collapsed.
std::string plain_line(std::string_view markdown);

// Splits running text at sentence ends: not after "Dr.", "e.g.", an initial or within "9.30 a.m. to
// noon". Each sentence is trimmed and keeps its punctuation.
std::vector<std::string_view> split_sentences(std::string_view text);
// The same one after the other, until `take` wants no more: text of any length, with no list of them.
void for_each_sentence(std::string_view text, const std::function<bool(std::string_view)>& take);

}  // namespace voxanne::knowledge
