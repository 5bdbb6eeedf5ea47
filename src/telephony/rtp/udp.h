// The system calls of our UDP sockets: non-blocking, several datagrams a call, no allocation.
#pragma once

#include "telephony/rtp/port_pool.h"

#include <array>
#include <cstdint>
#include <span>

namespace voxanne::telephony::rtp {

// Room for one batch of datagrams; lives on the stack of whoever drains a socket:
//
//   for (bool more = true; more;) { more = inbox.receive(socket); for (auto& d : inbox.datagrams()) … }
class Inbox {
 public:
  struct Datagram {
    std::span<const std::uint8_t> bytes;
    Endpoint from;
    // When the kernel took it in, by the wall clock in nanoseconds; 0 when it does not say.
    std::int64_t arrival_ns = 0;
  };

  // False when nothing waits any more. What is longer than 1,500 bytes is dropped.
  bool receive(int socket);
  std::span<const Datagram> datagrams() const { return {datagrams_.data(), count_}; }

 private:
  static constexpr std::size_t batch = 4;
  std::array<std::array<std::uint8_t, 1'500>, batch> buffers_;
  std::array<Datagram, batch> datagrams_;
  std::size_t count_ = 0;
};

// False when the datagram was not taken: the buffer is full or there is no way to the address.
bool send_to(int socket, const Endpoint& to, std::span<const std::uint8_t> head,
             std::span<const std::uint8_t> body = {});

}  // namespace voxanne::telephony::rtp
