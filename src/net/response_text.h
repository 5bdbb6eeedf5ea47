// Response → the bytes of its header (RFC 9112 §4). Private to net.
#pragma once

#include "net/http.h"

#include <string>

namespace voxanne::net {

struct ResponseFraming {
  std::string_view date;            // an HTTP-date
  std::string_view common_headers;  // lines that end in CRLF
  // Keep-alive is the default of HTTP/1.1 and has to be said in 1.0.
  enum class Connection { implied, close, keep_alive } connection = Connection::implied;
};

// Appends status line, Date, framing and the response's own fields. Framing is the server's:
// Content-Length, Connection and Transfer-Encoding fields of the handler are left out.
void append_response_head(std::string& out, const Response& response, const ResponseFraming& framing);

// "Mon, 23 Nov 2026 00:48:43 GMT" (RFC 9110 §5.6.7)
std::string http_date(std::time_t time);

}  // namespace voxanne::net
