// Keys pressed, gathered into one input: a single key at once where a choice is asked for, a whole
// number (until hash or a pause) where digits are awaited, and where either may come a single key after
// a short pause. Pure; asked once per slot.
#pragma once

#include "base/time.h"

#include <optional>
#include <string>

namespace voxanne::conversation {

class Keypad {
 public:
  static constexpr std::size_t most_digits = 20;
  enum class Awaiting { choice, number, either };

  explicit Keypad(milliseconds pause = milliseconds{2'500}) : pause_(pause) {}

  // Answers what is complete with this key; a lone hash is "#".
  std::optional<std::string> press(milliseconds now, char key, Awaiting awaiting);
  // What the pause completed.
  std::optional<std::string> tick(milliseconds now);
  // A pause has ended what a hash was to end: a number (it knows itself), or a voice message.
  void ended(milliseconds now);
  // That hash, a little late: it is no answer to what is asked next and stops nobody. Once, and asked before
  // the key is pressed.
  bool is_late(milliseconds now, char key);
  bool gathering() const { return !digits_.empty(); }

 private:
  std::optional<std::string> take();

  milliseconds pause_, last_{0};
  milliseconds late_until_{-1};
  Awaiting awaiting_ = Awaiting::choice;
  std::string digits_;
};

}  // namespace voxanne::conversation
