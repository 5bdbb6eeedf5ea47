// TLS on a socket. Private to net; included only where a connection is made or accepted.
#pragma once

#include "net/stream.h"

#include <boost/asio/ssl/stream.hpp>

namespace voxanne::net {

using TlsStream = asio::ssl::stream<Socket>;

}  // namespace voxanne::net
