// The transport's concrete types (a concrete executor saves 1–3 µs an operation). Private to net.
#pragma once

#include "async/task.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace voxanne::net {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Socket = asio::basic_stream_socket<tcp, async::Executor>;
using ErrorCode = boost::system::error_code;

// co_await socket.async_read_some(buffer, as_result) → [ErrorCode, bytes]
inline constexpr auto as_result = asio::as_tuple(async::use_task);

}  // namespace voxanne::net
