#include "conversation/keypad.h"

#include <utility>

namespace voxanne::conversation {

std::optional<std::string> Keypad::press(milliseconds now, char key, bool number) {
  last_ = now;
  if (key == '#' && gathering()) return take();
  digits_ += key;
  if (!number || key == '#' || digits_.size() >= most_digits) return take();
  return std::nullopt;
}

std::optional<std::string> Keypad::tick(milliseconds now) {
  if (!gathering() || now - last_ < pause_) return std::nullopt;
  return take();
}

std::optional<std::string> Keypad::take() { return std::exchange(digits_, {}); }

}  // namespace voxanne::conversation
