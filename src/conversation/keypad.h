// Keys pressed, gathered into one input: a single key at once where a choice is asked for, a whole
// number (until hash or a pause) where digits are awaited. Pure; asked once per slot.
#pragma once

#include "base/time.h"

#include <optional>
#include <string>

namespace voxanne::conversation {

class Keypad {
 public:
  static constexpr std::size_t most_digits = 20;

  explicit Keypad(milliseconds pause = milliseconds{2'500}) : pause_(pause) {}

  // `number`: digits are awaited. Answers what is complete with this key; a lone hash is "#".
  std::optional<std::string> press(milliseconds now, char key, bool number);
  // What the pause completed.
  std::optional<std::string> tick(milliseconds now);
  bool gathering() const { return !digits_.empty(); }

 private:
  std::optional<std::string> take();

  milliseconds pause_, last_{0};
  std::string digits_;
};

}  // namespace voxanne::conversation
