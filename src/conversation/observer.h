// What a conversation tells its owner as it happens: for the transcript, the call's log and the
// live events. Called on the call's shard, some of it from inside exchange(): hand over and return.
#pragma once

#include "domain/call.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace voxanne::conversation {

using EventValue = std::variant<std::int64_t, std::string>;
using EventDetails = std::vector<std::pair<std::string, EventValue>>;  // no personal data

// The event that says that the assistant's consent announcement has been heard: recording may begin.
inline constexpr std::string_view consent_announced = "consent_announced";

class ConversationObserver {
 public:
  virtual ~ConversationObserver() = default;
  // In the order in which the caller lived it; the assistant's once it ended or was cut.
  virtual void on_turn(domain::Turn turn) = 0;
  virtual void on_partial(domain::Speaker speaker, std::string_view text) = 0;
  // snake_case names: barge_in, backchannel, idle_prompt, provider_failed, …
  virtual void on_event(std::string_view name, EventDetails details) = 0;
  // Barge-in: drop what the far end has buffered of ours (Leg::clear_playout).
  virtual void on_clear_playout() = 0;
};

}  // namespace voxanne::conversation
