// A blocking TCP client that sends exactly the bytes it is told to: malformed requests, half
// requests, bad frames, resets. Every wait is bounded by `patience`, so that a server that never
// answers fails a test instead of hanging it.
//
//   RawClient client{server.port()};
//   client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
//   EXPECT_EQ(client.read_response().status, 200);
#pragma once

#include "base/time.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace voxanne::test {

struct RawResponse {
  int status = 0;                              // 0: none came
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// A WebSocket frame as it came (RFC 6455 §5.2).
struct RawFrame {
  int opcode = -1;  // -1: none came
  std::string payload;
  // Of a close frame; 1005 when it carries none.
  int close_code() const;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, milliseconds patience = seconds{10});
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&&) = delete;

  bool connected() const { return socket_ >= 0; }
  bool send(std::string_view bytes);  // false when the peer does not take them
  void finish_sending();              // FIN
  void reset();                       // RST
  void set_receive_buffer(int bytes);

  RawResponse read_response(bool head = false);
  std::string read_to_end();  // whatever comes until the peer closes
  bool closed_by_peer();      // waits for the end; discards what comes before it

  // The opening handshake; `extra` is header lines. The answer's status is 101 when it was taken.
  RawResponse open_websocket(std::string_view target, std::string_view extra = {});
  bool send_frame(int opcode, std::string_view payload, bool final = true, bool masked = true);
  // The next frame that is neither ping nor pong, unless told to show those too.
  RawFrame read_frame(bool control_too = false);

 private:
  bool fill();  // false at the end or out of patience

  int socket_ = -1;
  milliseconds patience_;
  std::string buffer_;
};

// A masked client frame with any header bits: for frames that no client may send.
std::string raw_frame(int first_byte, std::string_view payload, bool masked = true);

// Descriptors this process has open.
int open_descriptors();
// Resident memory of this process, in bytes, without what the allocator can give back; a sanitizer keeps
// freed memory, so there it says nothing.
std::size_t resident_bytes();
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool memory_is_measurable = false;
#else
inline constexpr bool memory_is_measurable = true;
#endif

}  // namespace voxanne::test
