#include "support/sockets/swarm.h"

#include "support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace voxanne::test {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t connections_per_source = 8'000;  // well below the ephemeral ports of an address
constexpr int slow_receive_buffer = 4'096;
constexpr std::size_t read_at_once = 64 * 1024;

// Each is a violation of its own, with the code that answers it.
struct BadFrame {
  std::string bytes;
  int code;
};
const std::vector<BadFrame>& bad_frames() {
  static const std::vector<BadFrame> all{
      {raw_frame(0x81, "not masked", false), 1002},
      {raw_frame(0x83, "reserved opcode"), 1002},
      {raw_frame(0xc1, "reserved bit"), 1002},
      {raw_frame(0x09, "fragmented ping"), 1002},
      {raw_frame(0x89, std::string(126, 'p')), 1002},
      {raw_frame(0x80, "continues nothing"), 1002},
      {raw_frame(0x88, "x"), 1002},
      {raw_frame(0x81, "\xff\xfe not UTF-8"), 1007},
      {raw_frame(0x81, std::string(70'000, 'x')), 1009},
  };
  return all;
}

// "2026-11-27T11:22:33.444Z" in an event → milliseconds of the day; days do not end in a test.
double time_of_day_ms(std::string_view event) {
  const auto at = event.find("\"at\":\"");
  if (at == event.npos) return -1;
  const auto digits = [&](std::size_t from, std::size_t count) {
    double value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value * 10 + (event[at + 6 + from + i] - '0');
    return value;
  };
  return ((digits(11, 2) * 60 + digits(14, 2)) * 60 + digits(17, 2)) * 1000 + digits(20, 3);
}

double time_of_day_now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto day = std::chrono::duration<double, std::milli>(std::chrono::hours{24}).count();
  return std::fmod(std::chrono::duration<double, std::milli>(now).count(), day);
}

}  // namespace

std::string_view to_string(Ending ending) {
  switch (ending) {
    case Ending::stays:
      return "stays";
    case Ending::clean:
      return "clean";
    case Ending::abrupt:
      return "abrupt";
    case Ending::half_open:
      return "half-open";
    case Ending::slow:
      return "slow";
    case Ending::bad_frames:
      return "bad frames";
    case Ending::never_subscribes:
      return "never subscribes";
  }
  return "?";
}

struct Swarm::Client {
  enum class State { waiting, connecting, handshaking, subscribing, open, ended };
  Ending ending;
  int number = 0;
  int socket = -1;
  State state = State::waiting;
  int expected_code = 0;
  int code = 0;  // of the close frame that came
  std::string in;
};

Swarm::Swarm(Options options) : options_(std::move(options)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::runtime_error("epoll_create1");
}

Swarm::~Swarm() {
  for (const auto& client : clients_)
    if (client->socket >= 0) ::close(client->socket);
  ::close(epoll_);
}

void Swarm::add(std::size_t count, Ending ending) {
  for (std::size_t i = 0; i < count; ++i) {
    auto client = std::make_unique<Client>();
    client->ending = ending;
    client->number = int(clients_.size());
    clients_.push_back(std::move(client));
  }
}

void Swarm::connect_more() {
  while (next_ < clients_.size() && connecting_ < options_.connecting_at_once)
    if (!connect(*clients_[next_++]))
      throw std::runtime_error(std::string{"connect: "} + std::strerror(errno));
}

bool Swarm::connect(Client& client) {
  client.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (client.socket < 0) return false;
  const int on = 1;
  ::setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (client.ending == Ending::slow)
    ::setsockopt(client.socket, SOL_SOCKET, SO_RCVBUF, &slow_receive_buffer, sizeof slow_receive_buffer);
  // More connections than an address has ports come from 127.0.0.1, .2, .3 and so on.
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + std::uint32_t(sources_++ / connections_per_source % 32));
  ::setsockopt(client.socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (::bind(client.socket, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) return false;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(options_.port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(client.socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS)
    return false;
  epoll_event event{.events = EPOLLOUT, .data = {.ptr = &client}};
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.socket, &event);
  client.state = Client::State::connecting;
  ++connecting_;
  return true;
}

void Swarm::watch(Client& client, std::uint32_t what) {
  epoll_event event{.events = what, .data = {.ptr = &client}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, client.socket, &event);
}

void Swarm::send(Client& client, std::string_view bytes) {
  // Small messages into an empty buffer: what does not fit at once is a broken connection.
  const auto sent = ::send(client.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent != ssize_t(bytes.size()) && !(sent < 0 && (errno == EPIPE || errno == ECONNRESET)))
    end(client, false, "could not send");
}

void Swarm::end(Client& client, bool expected, const std::string& how) {
  if (client.state == Client::State::ended) return;
  if (client.state < Client::State::open) --connecting_;
  client.state = Client::State::ended;
  ::close(client.socket);
  client.socket = -1;
  client.in = {};
  ++ended_;
  ++ended_by_[client.ending];
  if (!expected) ++wrong_[std::string{to_string(client.ending)} + ": " + how];
}

std::size_t Swarm::ended(Ending ending) const {
  const auto found = ended_by_.find(ending);
  return found == ended_by_.end() ? 0 : found->second;
}

void Swarm::reset_events() {
  events_ = 0;
  event_bytes_ = 0;
  slowest_event_ms_ = 0;
}

void Swarm::wake_slow() {
  for (Client* client : slow_)
    if (client->state == Client::State::open) watch(*client, EPOLLIN);
}

void Swarm::pong_slow(Now now) {
  if (now < next_pong_) return;
  next_pong_ = now + options_.pong_interval;
  static const std::string pong = raw_frame(0x8a, "");
  for (Client* client : slow_)
    if (client->state == Client::State::open) ::send(client->socket, pong.data(), pong.size(), MSG_NOSIGNAL);
}

bool Swarm::run_until(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  std::vector<epoll_event> ready(1'024);
  while (!done()) {
    const auto now = Clock::now();
    if (now >= deadline) return false;
    connect_more();
    pong_slow(now);
    const int count = ::epoll_wait(epoll_, ready.data(), int(ready.size()), 20);
    for (int i = 0; i < count; ++i)
      if (auto* client = static_cast<Client*>(ready[std::size_t(i)].data.ptr); client->socket >= 0)
        on_ready(*client, ready[std::size_t(i)].events);
  }
  return true;
}

void Swarm::on_ready(Client& client, std::uint32_t what) {
  if (client.state != Client::State::connecting) return on_readable(client);
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(client.socket, SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0 || (what & EPOLLERR))
    return end(client, false, std::string{"connect: "} + std::strerror(failed));
  client.state = Client::State::handshaking;
  watch(client, EPOLLIN);
  send(client, "GET " + options_.target +
                   " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
}

void Swarm::on_readable(Client& client) {
  if (client.state == Client::State::open && client.ending == Ending::half_open) {
    // It hears nothing; only the kernel tells it that the other side is gone.
    return end(client, true, "reaped");
  }
  static thread_local std::vector<char> chunk(read_at_once);
  for (;;) {
    const auto got = ::recv(client.socket, chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (got <= 0) {
      const int code = client.code == 0 ? 1006 : client.code;
      return end(client, client.expected_code != 0 && code == client.expected_code,
                 std::to_string(code) + (got < 0 ? std::string{" "} + std::strerror(errno) : ""));
    }
    client.in.append(chunk.data(), std::size_t(got));
    if (std::size_t(got) < chunk.size()) break;
  }
  if (client.state == Client::State::handshaking) {
    const auto header_end = client.in.find("\r\n\r\n");
    if (header_end == std::string::npos) return;
    if (!client.in.starts_with("HTTP/1.1 101")) return end(client, false, client.in.substr(0, 12));
    client.in.erase(0, header_end + 4);
    client.state = Client::State::subscribing;
    if (client.ending == Ending::never_subscribes) {
      client.state = Client::State::open;
      client.expected_code = 1008;
      --connecting_;
    } else if (options_.subscribe.empty()) {
      on_subscribed(client);
    } else {
      send(client, raw_frame(0x81, options_.subscribe));
    }
  }
  std::size_t at = 0;
  while (client.state >= Client::State::subscribing && client.state != Client::State::ended &&
         client.in.size() - at >= 2) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(client.in[at + i]); };
    std::size_t size = byte(1) & 0x7f;
    std::size_t header = 2;
    if (size >= 126) {
      const std::size_t wide = size == 126 ? 2 : 8;
      if (client.in.size() - at < header + wide) break;
      size = 0;
      for (std::size_t i = 0; i < wide; ++i) size = size << 8 | byte(2 + i);
      header += wide;
    }
    if (client.in.size() - at < header + size) break;
    on_frame(client, byte(0) & 0x0f, std::string_view{client.in}.substr(at + header, size));
    at += header + size;
  }
  if (client.state == Client::State::ended) return;
  client.in.erase(0, at);
  if (client.in.empty()) client.in.shrink_to_fit();
}

void Swarm::on_frame(Client& client, int opcode, std::string_view payload) {
  if (opcode == 9) return send(client, raw_frame(0x8a, payload));
  if (opcode == 8) {
    client.code = payload.size() < 2 ? 1005 : int(std::uint8_t(payload[0])) << 8 | std::uint8_t(payload[1]);
    if (client.ending != Ending::clean) {
      // Polite to the end, whatever it did before.
      const std::string answer = raw_frame(0x88, payload.substr(0, std::min<std::size_t>(2, payload.size())));
      ::send(client.socket, answer.data(), answer.size(), MSG_NOSIGNAL);
    }
    return;
  }
  if (client.state == Client::State::subscribing) return on_subscribed(client);
  if (client.ending != Ending::stays || opcode != 1) return;
  ++events_;
  event_bytes_ += payload.size();
  if (const double at = time_of_day_ms(payload); at >= 0)
    slowest_event_ms_ = std::max(slowest_event_ms_, time_of_day_now_ms() - at);
}

void Swarm::on_subscribed(Client& client) {
  client.state = Client::State::open;
  --connecting_;
  ++subscribed_;
  switch (client.ending) {
    case Ending::stays:
    case Ending::never_subscribes:
      break;
    case Ending::clean:
      client.expected_code = 1000;
      send(client, raw_frame(0x88, std::string_view{"\x03\xe8", 2}));
      break;
    case Ending::abrupt: {
      const linger at_once{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(client.socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      end(client, true, "reset");
      break;
    }
    case Ending::half_open:
      watch(client, EPOLLRDHUP);
      break;
    case Ending::slow:
      client.expected_code = 1013;
      watch(client, 0);
      slow_.push_back(&client);
      break;
    case Ending::bad_frames: {
      const auto& frame = bad_frames()[std::size_t(client.number) % bad_frames().size()];
      client.expected_code = frame.code;
      send(client, frame.bytes);
      break;
    }
  }
}

bool permit_descriptors(std::size_t count) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return false;
  const rlim_t wanted = count + 512;
  if (files.rlim_cur >= wanted) return true;
  files.rlim_cur = wanted;
  files.rlim_max = std::max(files.rlim_max, wanted);
  return ::setrlimit(RLIMIT_NOFILE, &files) == 0;
}

std::size_t resident_bytes_of(int pid) {
  std::ifstream statm{"/proc/" + std::to_string(pid) + "/statm"};
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t descriptors_of(int pid) {
  const std::filesystem::directory_iterator entries{"/proc/" + std::to_string(pid) + "/fd"};
  return std::size_t(std::distance(begin(entries), end(entries)));
}

}  // namespace voxanne::test
