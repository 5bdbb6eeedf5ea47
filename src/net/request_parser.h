// Bytes → Request, incrementally: the wire format of RFC 9112 with nothing of sockets. Beast's
// basic_parser reads the grammar; on top of it stand the checks that keep two parties from reading
// one message differently (§6.3, §11.2) and that make the target safe to route.
//
//   while (parser.state() == State::header) { read more; consumed = parser.feed(bytes); }
//   parser.accept_body(limit);              // once, at State::body, with the route's own limit
//   while (parser.state() == State::body) …
//
// feed() may leave bytes unconsumed: they are presented again with what follows them. Private to
// net.
#pragma once

#include "net/http.h"

#include <memory>

namespace voxanne::net {

class RequestParser {
 public:
  enum class State { header, body, done, failed };

  explicit RequestParser(std::size_t max_header);
  ~RequestParser();

  // Returns how many bytes it consumed. Stops after the header until accept_body() was called, and
  // after the message.
  std::size_t feed(std::string_view bytes);
  // Fails with 413 when the announced body is larger, or a chunked one becomes so.
  void accept_body(std::size_t limit);
  void reset();

  State state() const noexcept;
  Request& request() noexcept;
  bool started() const noexcept;  // some bytes of this message were seen
  bool keep_alive() const;
  bool expects_continue() const;  // Expect: 100-continue, and a body is still to come

  // When failed: the status and words to answer with. The connection cannot be used any further.
  int status() const noexcept;
  const Error& error() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::net
