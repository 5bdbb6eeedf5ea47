#include "conversation/menu_topics.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace voxanne::conversation {
namespace {

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// Neither a sentence nor an address, and nothing the voice cannot say.
bool can_be_said(std::string_view heading) {
  constexpr std::string_view marks = " '-,&";
  return heading.size() >= 2 && heading.size() <= longest_menu_topic &&
         std::ranges::any_of(heading, is_letter) && std::ranges::all_of(heading, [&](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || marks.find(c) != std::string_view::npos;
         });
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_emergency(const HouseOptions::Topic& topic) {
  return topic.label.find("emergenc") != std::string::npos || topic.label.find("urgent") != std::string::npos;
}

}  // namespace

std::vector<HouseOptions::Topic> menu_topics(std::span<const std::string> headings) {
  std::vector<HouseOptions::Topic> topics;
  std::set<std::string> labels;
  for (const auto& heading : headings) {
    auto label = lower(heading);
    if (can_be_said(heading) && labels.insert(label).second) topics.push_back({std::move(label), heading});
  }
  if (topics.size() <= most_menu_topics) return topics;
  const auto rest = topics.begin() + most_menu_topics;
  if (std::none_of(topics.begin(), rest, is_emergency))
    if (const auto emergency = std::find_if(rest, topics.end(), is_emergency); emergency != topics.end())
      std::swap(*(rest - 1), *emergency);
  topics.resize(most_menu_topics);
  return topics;
}

}  // namespace voxanne::conversation
