// The coroutine types of the house. A Task runs on one Loop (an io_context with one thread) from
// start to end; its executor is the concrete io_context executor, which saves 1–3 µs an operation
// against any_io_executor. Within a loop there are no locks; between loops, asio::post.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace voxanne::async {

namespace asio = boost::asio;

using Loop = asio::io_context;
using Executor = Loop::executor_type;

template <class T = void>
using Task = asio::awaitable<T, Executor>;

// Completion token: co_await socket.async_read_some(buffer, async::use_task).
inline constexpr asio::use_awaitable_t<Executor> use_task{};

using SteadyTimer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                               asio::wait_traits<std::chrono::steady_clock>, Executor>;

// Throws boost::system::system_error(operation_aborted) when the current task was cancelled.
Task<> throw_if_cancelled();

// True for the exception with which cancelled operations end: an outcome, not an error.
bool is_cancellation(std::exception_ptr error) noexcept;

}  // namespace voxanne::async
