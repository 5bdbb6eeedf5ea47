#include "net/response_text.h"

#include <charconv>
#include <ctime>

namespace voxanne::net {

namespace {

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

bool is_framing(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Connection") ||
         equal_ignoring_case(name, "Transfer-Encoding");
}

}  // namespace

void append_response_head(std::string& out, const Response& response, const ResponseFraming& framing) {
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(response.status));
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nDate: ";
  out += framing.date;
  out += "\r\n";
  // RFC 9110 §8.6: none in 1xx and 204; in 304 it would be the full answer's.
  if (response.status >= 200 && response.status != 204 && response.status != 304) {
    out += "Content-Length: ";
    append_number(out, response.body_size());
    out += "\r\n";
  }
  if (framing.connection == ResponseFraming::Connection::close) out += "Connection: close\r\n";
  if (framing.connection == ResponseFraming::Connection::keep_alive) out += "Connection: keep-alive\r\n";
  out += framing.common_headers;
  for (std::size_t i = 0; i < response.headers.size(); ++i) {
    const auto [name, value] = response.headers[i];
    if (is_framing(name)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  out += "\r\n";
}

std::string http_date(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

}  // namespace voxanne::net
