#include "app/prompts/prompts.h"
#include "conversation/conversation.h"
#include "conversation/house_responder.h"

namespace voxanne::app {

std::vector<std::string> house_sentences() {
  auto sentences = conversation::fixed_sentences({}, {});
  for (auto& sentence :
       conversation::HouseResponder::fixed_sentences({.organization = {}, .caller_number = {}, .topics = {}}))
    sentences.push_back(std::move(sentence));
  return sentences;
}

}  // namespace voxanne::app
