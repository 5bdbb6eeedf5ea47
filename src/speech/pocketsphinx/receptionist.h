// What callers say to any receptionist, as weighted patterns (templates.h), and the classes they draw
// from: digits, times, dates, names, letters. An organization's own phrases come as <topic>.
#pragma once

#include "speech/pocketsphinx/templates.h"

#include <span>

namespace voxanne::speech::pocketsphinx {

struct Pattern {
  double weight;
  std::string_view text;
};

std::span<const Pattern> receptionist_patterns();
// Asked about each of an organization's topics.
std::span<const Pattern> topic_patterns();

Classes receptionist_classes();

}  // namespace voxanne::speech::pocketsphinx
