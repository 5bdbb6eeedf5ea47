// A request must read the same however the network cuts it, and what is accepted must be safe to
// route.
#include "net/request_parser.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne::net;

namespace {

using State = RequestParser::State;

void parse(RequestParser& parser, std::string_view text, std::size_t piece) {
  std::string buffer;
  bool accepted = false;
  for (std::size_t at = 0; at < text.size() && parser.state() < State::done; at += piece) {
    buffer.append(text.substr(at, piece));
    for (;;) {
      const auto used = parser.feed(buffer);
      if (used > buffer.size()) std::abort();
      buffer.erase(0, used);
      if (parser.state() == State::body && !accepted) {
        accepted = true;
        parser.accept_body(1000);
        continue;
      }
      if (used == 0 || buffer.empty()) break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  RequestParser whole{2048}, cut{2048};
  parse(whole, text, size + 1);
  parse(cut, text, size % 7 + 1);
  if ((whole.state() == State::done) != (cut.state() == State::done)) std::abort();
  if (whole.state() != State::done) return 0;
  const Request &a = whole.request(), &b = cut.request();
  if (a.target != b.target || a.body != b.body || a.headers.size() != b.headers.size()) std::abort();
  if (a.body.size() > 1000 || a.method == Method::other) std::abort();
  if (a.path != "*" && (a.path.empty() || a.path.front() != '/')) std::abort();
  if (a.target.find_first_of(std::string_view{" \r\n\0", 4}) != std::string::npos) std::abort();
  if (a.headers.count("Content-Length") + a.headers.count("Transfer-Encoding") > 1) std::abort();
  return 0;
}
