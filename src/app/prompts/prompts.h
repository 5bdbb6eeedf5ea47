// The sentences that every organization's callers hear in the same words, as audio: rendered with the
// default voice while the program is built (main.cpp), so that they are there before anything else is,
// and cost a server neither processor time at start nor memory until one is said.
#pragma once

#include "speech/prompts.h"

namespace voxanne::app {

std::span<const speech::Prompt> house_prompts();

// What there is to be rendered, in the order of its making.
std::vector<std::string> house_sentences();

}  // namespace voxanne::app
