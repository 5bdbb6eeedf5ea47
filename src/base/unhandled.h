// What reaches a boundary that nobody expected, and who watches for it.
//
//   catch (...) { log::unhandled("call.failed", std::current_exception(), {{"callId", id.str()}}); }
//
// A boundary (request, call, job, loop) writes what it catches by unhandled(): an error line that keeps
// the exception, and with it the stack of where it was thrown. Every error line is one that somebody has
// to look at: it also becomes an event of the error tracking, tagged with its ids, and the lines before
// it the event's breadcrumbs. Nothing else has to know that there is a tracker.
//
// Any thread. observe() once, by the tracker.
#pragma once

#include "base/log.h"

#include <exception>
#include <span>

namespace voxanne::log {

// An error line with what was thrown (its what() as field "error"). Cancellation is no error: do not
// hand it here.
void unhandled(std::string_view event, std::exception_ptr error, std::initializer_list<Field> fields = {});

// Who else sees the lines that are written, before they are. Called on the writing thread, so it must
// not block; `fields` and what they refer to live only during the call.
struct Line {
  Level level = Level::info;
  std::string_view event{};
  std::span<const Field> fields{};
  std::exception_ptr error{};  // of unhandled()
};
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_line(const Line& line) noexcept = 0;
};
// Null: nobody any more. The observer outlives every thread that may be writing.
void observe(Observer* observer);

}  // namespace voxanne::log
