// Waiting for an event, but not for ever.
#pragma once

#include "async/deadline.h"
#include "async/event.h"

namespace voxanne::async {

// Whether the event is set before the deadline passes; one that is set already counts whatever the
// time. On the event's loop.
Task<bool> wait_until(Clock& clock, Deadline deadline, Event& event);

}  // namespace voxanne::async
