#include "conversation/keypad.h"

#include <utility>

namespace voxanne::conversation {
namespace {

// A choice is answered a little later where a number may follow, and nobody notices.
constexpr milliseconds choice_pause{800};
constexpr milliseconds late_hash{4'000};

}  // namespace

std::optional<std::string> Keypad::press(milliseconds now, char key, Awaiting awaiting) {
  last_ = now;
  awaiting_ = awaiting;
  late_until_ = milliseconds{-1};
  if (key == '#' && gathering()) return take();
  digits_ += key;
  const bool alone = awaiting == Awaiting::choice || (awaiting == Awaiting::either && key == '*');
  if (alone || key == '#' || digits_.size() >= most_digits) return take();
  return std::nullopt;
}

std::optional<std::string> Keypad::tick(milliseconds now) {
  const bool one = awaiting_ == Awaiting::either && digits_.size() == 1;
  if (!gathering() || now - last_ < (one ? choice_pause : pause_)) return std::nullopt;
  if (digits_.size() > 1) ended(now);
  return take();
}

void Keypad::ended(milliseconds now) { late_until_ = now + late_hash; }

bool Keypad::is_late(milliseconds now, char key) {
  return key == '#' && !gathering() && now <= std::exchange(late_until_, milliseconds{-1});
}

std::optional<std::string> Keypad::take() { return std::exchange(digits_, {}); }

}  // namespace voxanne::conversation
