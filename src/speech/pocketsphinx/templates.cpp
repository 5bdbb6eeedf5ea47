#include "speech/pocketsphinx/templates.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <unordered_set>

namespace voxanne::speech::pocketsphinx {
namespace {

// A part of a pattern and all that may stand there.
struct Slot {
  std::vector<std::string> choices;
  bool covers = false;  // a class: every member shall occur
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// An alternative with its first class filled in: "on <day>" → on monday, on tuesday, …
std::vector<std::string> with_class(std::string_view alternative, const Classes& classes) {
  const auto open = alternative.find('<');
  if (open == alternative.npos) return {std::string{alternative}};
  const auto close = std::min(alternative.find('>', open), alternative.size());
  const auto found = classes.find(alternative.substr(open + 1, close - open - 1));
  std::vector<std::string> out;
  if (found == classes.end()) return out;
  const auto after = alternative.substr(std::min(close + 1, alternative.size()));
  for (const auto& member : found->second) {
    out.emplace_back(alternative.substr(0, open));
    out.back() += member;
    out.back() += after;
  }
  return out;
}

std::vector<Slot> parse(std::string_view pattern, const Classes& classes) {
  std::vector<Slot> slots;
  while (!pattern.empty()) {
    Slot slot;
    std::size_t end = 0;
    if (pattern.front() == '(') {
      end = std::min(pattern.find(')'), pattern.size());
      for (const auto alternative : split(pattern.substr(1, end - 1), '|')) {
        if (alternative.find('<') != alternative.npos) slot.covers = true;
        std::ranges::move(with_class(alternative, classes), std::back_inserter(slot.choices));
      }
      ++end;
    } else if (pattern.front() == '<') {
      end = std::min(pattern.find('>'), pattern.size()) + 1;
      slot = {with_class(pattern.substr(0, end), classes), true};
    } else {
      end = std::min(pattern.find_first_of("(<"), pattern.size());
      slot.choices.emplace_back(pattern.substr(0, end));
    }
    slots.push_back(std::move(slot));
    pattern.remove_prefix(std::min(end, pattern.size()));
  }
  return slots;
}

// splitmix64: the same draws on every machine.
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

std::string tidy(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

std::vector<std::string> fill(std::string_view pattern, const Classes& classes, std::size_t most) {
  const auto slots = parse(pattern, classes);
  std::size_t combinations = 1, largest_class = 0;
  for (const auto& slot : slots) {
    if (slot.choices.empty()) return {};
    combinations = std::min(combinations * slot.choices.size(), most + 1);
    if (slot.covers) largest_class = std::max(largest_class, slot.choices.size());
  }
  const bool all = combinations <= most;
  const std::size_t draws = all ? combinations : std::max(most, largest_class);

  std::vector<std::string> sentences;
  std::unordered_set<std::string> seen;
  std::uint64_t random = 0x766F78616E6E65;
  std::vector<std::size_t> starts;
  for (const auto& slot : slots) starts.push_back(next_random(random) % slot.choices.size());
  for (std::size_t draw = 0; draw < draws; ++draw) {
    std::string sentence;
    std::size_t digit = draw;  // counts through the combinations in mixed radix
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const auto& choices = slots[i].choices;
      std::size_t chosen = 0;
      if (all) {
        chosen = digit % choices.size();
        digit /= choices.size();
      } else if (slots[i].covers && choices.size() == largest_class) {
        chosen = (starts[i] + draw) % choices.size();  // in turn, so that all occur
      } else {
        chosen = next_random(random) % choices.size();
      }
      sentence += choices[chosen];
    }
    sentence = tidy(sentence);
    if (!sentence.empty() && seen.insert(sentence).second) sentences.push_back(std::move(sentence));
  }
  return sentences;
}

}  // namespace voxanne::speech::pocketsphinx
