// The floor under live connections: one epoll loop that knows nothing of WebSockets but the bytes of this
// one conversation. What it costs is the kernel's.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::bench {

class SocketsFloor {
 public:
  SocketsFloor() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(listener_, 1024);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }

  [[noreturn]] void run() {
    epoll_ = ::epoll_create1(0);
    watch(listener_);
    std::vector<epoll_event> ready(1'024);
    for (;;) {
      const int count = ::epoll_wait(epoll_, ready.data(), int(ready.size()), -1);
      for (int i = 0; i < count; ++i)
        if (ready[std::size_t(i)].data.fd == listener_)
          accept_all();
        else
          read(ready[std::size_t(i)].data.fd);
    }
  }

 private:
  static std::string frame(std::string_view text) {
    std::string out{"\x81"};
    if (text.size() < 126)
      out += char(text.size());
    else
      out.append({char(126), char(text.size() >> 8), char(text.size() & 0xff)});
    return out.append(text);
  }
  void watch(int fd) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }
  void write(int fd, std::string_view bytes) {
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  void accept_all() {
    for (int fd; (fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (std::size_t(fd) >= subscribed_.size()) subscribed_.resize(std::size_t(fd) + 1);
      subscribed_[std::size_t(fd)] = false;
      watch(fd);
    }
  }
  void read(int fd) {
    char bytes[4'096];
    const auto got = ::recv(fd, bytes, sizeof bytes, 0);
    const std::string_view text{bytes, got > 0 ? std::size_t(got) : 0};
    if (text.empty()) return drop(fd);
    if (text.starts_with("GET "))
      return write(fd,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    if (text.starts_with("POST ")) {
      publish();
      return write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    }
    if ((text.front() & 0x0f) == 8) {
      write(fd, std::string_view{"\x88\x02\x03\xe8", 4});
      return drop(fd);
    }
    if ((text.front() & 0x0f) != 1) return;
    subscribed_[std::size_t(fd)] = true;
    write(fd, frame(R"({"type":"subscribed","orgId":"acme","epoch":"e0e0e0e0e0e0e0e0","seq":0})"));
  }
  void publish() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::tm parts{};
    ::gmtime_r(&now.tv_sec, &parts);
    char at[40], millis[8];
    std::strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(millis, sizeof millis, ".%03dZ", int(now.tv_nsec / 1'000'000));
    const std::string event =
        frame(R"({"type":"knowledge.updated","seq":1,"at":")" + std::string{at} + millis +
              R"(","callId":null,"data":{"documentId":"doc_01JDQ8Z6YB3M2N4P5R6S7T8V9W","erased":false}})");
    for (std::size_t fd = 0; fd < subscribed_.size(); ++fd)
      if (subscribed_[fd]) write(int(fd), event);
  }
  void drop(int fd) {
    subscribed_[std::size_t(fd)] = false;
    ::close(fd);
  }

  int listener_ = -1, epoll_ = -1;
  std::uint16_t port_ = 0;
  std::vector<bool> subscribed_;
};

}  // namespace voxanne::bench
