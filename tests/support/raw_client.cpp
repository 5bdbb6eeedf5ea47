#include "support/raw_client.h"

#include "support/patience.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <utility>

namespace voxanne::test {

namespace {

void set_timeout(int socket, int option, milliseconds time) {
  const timeval value{.tv_sec = time.count() / 1000, .tv_usec = (time.count() % 1000) * 1000};
  ::setsockopt(socket, SOL_SOCKET, option, &value, sizeof value);
}

}  // namespace

int RawFrame::close_code() const {
  if (opcode != 8) return -1;
  if (payload.size() < 2) return 1005;
  return static_cast<unsigned char>(payload[0]) * 256 + static_cast<unsigned char>(payload[1]);
}

RawClient::RawClient(std::uint16_t port, milliseconds patience) : patience_(patience) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  set_timeout(socket_, SO_RCVTIMEO, patient(patience));
  set_timeout(socket_, SO_SNDTIMEO, patient(patience));
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    socket_ = -1;
  }
}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      patience_(other.patience_),
      buffer_(std::move(other.buffer_)) {}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawClient::finish_sending() { ::shutdown(socket_, SHUT_WR); }

void RawClient::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(socket_, -1));
}

void RawClient::set_receive_buffer(int bytes) {
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool RawClient::fill() {
  char chunk[16 * 1024];
  const auto got = ::recv(socket_, chunk, sizeof chunk, 0);
  if (got <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(got));
  return true;
}

RawResponse RawClient::read_response(bool head) {
  RawResponse response;
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return response;
  const std::string header = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  if (header.size() > 12) response.status = std::atoi(header.c_str() + 9);
  for (std::size_t at = header.find("\r\n") + 2; at < header.size();) {
    const auto line_end = header.find("\r\n", at);
    const auto colon = header.find(':', at);
    std::string name = header.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    response.headers[name] = header.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  const auto length = response.headers.find("content-length");
  const std::size_t size = head || length == response.headers.end() ? 0 : std::stoul(length->second);
  while (buffer_.size() < size)
    if (!fill()) break;
  response.body = buffer_.substr(0, size);
  buffer_.erase(0, response.body.size());
  return response;
}

std::string RawClient::read_to_end() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

bool RawClient::closed_by_peer() {
  char chunk[16 * 1024];
  for (;;) {
    const auto got = ::recv(socket_, chunk, sizeof chunk, 0);
    if (got == 0 || (got < 0 && (errno == ECONNRESET || errno == EPIPE))) return true;
    if (got < 0) return false;  // out of patience
  }
}

RawResponse RawClient::open_websocket(std::string_view target, std::string_view extra) {
  std::string request = "GET " + std::string{target} +
                        " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  request.append(extra).append("\r\n");
  if (!send(request)) return {};
  return read_response();
}

std::string raw_frame(int first_byte, std::string_view payload, bool masked) {
  std::string frame(1, static_cast<char>(first_byte));
  const int mask = masked ? 0x80 : 0;
  if (payload.size() < 126) {
    frame += static_cast<char>(mask | static_cast<int>(payload.size()));
  } else if (payload.size() < 65'536) {
    frame += static_cast<char>(mask | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xff);
  } else {
    frame += static_cast<char>(mask | 127);
    for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>((payload.size() >> shift) & 0xff);
  }
  if (!masked) return frame.append(payload);
  const char key[4] = {0x12, 0x34, 0x56, 0x78};
  frame.append(key, 4);
  for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ key[i % 4]);
  return frame;
}

bool RawClient::send_frame(int opcode, std::string_view payload, bool final, bool masked) {
  return send(raw_frame((final ? 0x80 : 0) | opcode, payload, masked));
}

RawFrame RawClient::read_frame(bool control_too) {
  for (;;) {
    const auto need = [&](std::size_t size) {
      while (buffer_.size() < size)
        if (!fill()) return false;
      return true;
    };
    if (!need(2)) return {};
    std::size_t size = static_cast<unsigned char>(buffer_[1]) & 0x7f, header = 2;
    const std::size_t extended = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (!need(header += extended)) return {};
    if (extended > 0) size = 0;
    for (std::size_t i = 0; i < extended; ++i) size = size << 8 | static_cast<unsigned char>(buffer_[2 + i]);
    if (!need(header + size)) return {};
    RawFrame frame{.opcode = buffer_[0] & 0x0f, .payload = buffer_.substr(header, size)};
    buffer_.erase(0, header + size);
    if (control_too || (frame.opcode != 9 && frame.opcode != 10)) return frame;
  }
}

int open_descriptors() {
  const std::filesystem::directory_iterator entries{"/proc/self/fd"};
  return static_cast<int>(std::distance(begin(entries), end(entries))) - 1;
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace voxanne::test
