// What becomes of a WebSocket by the check of who is at its other end. A check that fails for a reason of
// ours says nothing of them: who waits to be let in is told to try again, as who comes too often is, and
// whoever was let in stays and is looked at again. Pure but for `answered`, which runs where it is awaited.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "base/unhandled.h"
#include "net/websocket.h"

#include <cstdint>
#include <exception>

namespace voxanne::net {

// After a check that came to nothing.
inline constexpr milliseconds check_again{10'000};

inline bool is_undecided(const Error& error) {
  return error.kind == Fault::unavailable || error.kind == Fault::timed_out || error.kind == Fault::internal;
}

inline std::uint16_t refusal_code(const Error& error) {
  const bool later = is_undecided(error) || error.kind == Fault::rate_limited;
  return later ? close_code::try_again_later : close_code::policy;
}

// A check that fails by an exception has an answer all the same, which is undecided. `ids`: of the socket.
template <class T>
async::Task<Result<T>> answered(async::Task<Result<T>> check, RequestIds ids) {
  try {
    co_return co_await std::move(check);
  } catch (const std::exception&) {
    if (async::is_cancellation(std::current_exception())) throw;
    log::unhandled("websocket.check_failed", std::current_exception(),
                   {{"requestId", ids.request_id}, {"traceId", ids.trace.trace_id()}});
    co_return internal("check_failed", "it cannot be checked now; try again");
  }
}

}  // namespace voxanne::net
