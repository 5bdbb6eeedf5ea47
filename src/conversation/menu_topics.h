// What the keys of the menu are for: an organization's own headings, as far as they can be said in a
// menu. Pure.
#pragma once

#include "conversation/house_responder.h"

#include <span>
#include <string>
#include <vector>

namespace voxanne::conversation {

inline constexpr std::size_t most_menu_topics = 7, longest_menu_topic = 40;

// The first headings that are short and plain words; one about emergencies is among them wherever it
// stands. A key asks its heading.
std::vector<HouseOptions::Topic> menu_topics(std::span<const std::string> headings);

}  // namespace voxanne::conversation
