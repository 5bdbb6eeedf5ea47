#include "conversation/idle.h"

#include <algorithm>
#include <utility>

namespace voxanne::conversation {

Idle::Action Idle::tick(milliseconds now, bool quiet) {
  if (now >= limits_.max_duration) return std::exchange(over_, true) ? Action::none : Action::time_up;
  if (!quiet) {
    if (was_quiet_) patience_ = milliseconds{0};
    was_quiet_ = false;
    return Action::none;
  }
  if (!std::exchange(was_quiet_, true)) quiet_since_ = now;

  const auto warn_before = std::min(limits_.warn_before, limits_.max_duration / 10);
  if (now >= limits_.max_duration - warn_before && !std::exchange(warned_, true)) return Action::warn;
  if (now - quiet_since_ < limits_.prompt_after + patience_) return Action::none;
  quiet_since_ = now;
  return prompted_++ < limits_.prompts ? Action::prompt : Action::give_up;
}

}  // namespace voxanne::conversation
