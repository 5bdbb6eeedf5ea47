// What a caller wants, as far as a house without a language model must know: the few things that
// are not questions. Everything else is a question for the knowledge base. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::conversation {

enum class Intent {
  question,  // none of the others
  yes,
  no,
  repeat,   // "pardon?"
  goodbye,  // "that's all, thank you"
  thanks,
  greeting,      // "hello?", "can you hear me?"
  attention,     // "okay", "um": nothing to answer
  wait,          // "one moment"
  message,       // wants to leave one, or to be called back
  person,        // wants to be put through
  capabilities,  // "what can you do?", "are you a robot?"
  appointment,   // wants to book, move or cancel one
  emergency,
  never_mind,  // "forget it"
};

Intent intent_of(const std::vector<std::string>& words);

// Answers to a yes-or-no question; "no, it's …" and "yes please do" count. Neither: unclear.
bool says_yes(const std::vector<std::string>& words);
bool says_no(const std::vector<std::string>& words);

bool is_emergency(const std::vector<std::string>& words);
// Somebody's life may be in danger: the emergency services come before any message.
bool is_life_threatening(const std::vector<std::string>& words);

// "my name is john smith" → "John Smith"; empty where no name can be made out.
std::string name_in(std::string_view text);

}  // namespace voxanne::conversation
