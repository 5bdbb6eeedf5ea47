// What an expression is said with, appended word by word. For expand() and its parts.
#pragma once

#include "speech/characters.h"
#include "speech/normalise.h"
#include "speech/numbers.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace voxanne::speech {

class Saying {
 public:
  explicit Saying(std::vector<SaidWord>& out) : out_(out) {}

  // Words separated by blanks.
  void say(std::string_view words) {
    for (std::size_t at = 0; at < words.size();) {
      const auto end = std::min(words.find(' ', at), words.size());
      if (end > at) out_.push_back({std::string{words.substr(at, end - at)}});
      at = end + 1;
    }
  }
  void say(const Words& words) {
    for (const auto& word : words) out_.push_back({word});
  }
  void spell(std::string_view letters) {
    for (const char c : letters)
      if (is_letter(c)) out_.push_back({std::string{lower(c)}, true});
  }

 protected:
  std::vector<SaidWord>& out_;
};

}  // namespace voxanne::speech
