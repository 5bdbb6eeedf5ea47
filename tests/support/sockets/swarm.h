// Thousands of WebSocket clients on one epoll loop, each with a way to end: what a server sees on a bad
// day. Plain sockets and frames, nothing of the server's own code.
//
//   Swarm swarm{{.port = port, .subscribe = R"({"type":"subscribe"})"}};
//   swarm.add(10'000, Ending::stays);
//   swarm.run_until([&] { return swarm.subscribed() == 10'000; }, 60s);
//
// One thread: everything happens inside run_until().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::test {

enum class Ending {
  stays,             // until the swarm is destroyed
  clean,             // close frame, its answer, end
  abrupt,            // RST, in mid-connection
  half_open,         // goes silent: reads nothing, answers no ping
  slow,              // alive (pongs) but reads nothing until wake_slow(): expects 1013
  bad_frames,        // what no client may send: expects 1002, 1007 or 1009
  never_subscribes,  // connected and silent: expects 1008
};
std::string_view to_string(Ending ending);

class Swarm {
 public:
  struct Options {
    std::uint16_t port = 0;
    std::string target = "/ws/live-calls";
    std::string subscribe = R"({"type":"subscribe"})";  // empty: an open socket counts as subscribed
    std::size_t connecting_at_once = 256;
    std::chrono::milliseconds pong_interval{500};  // of slow readers, unasked
  };
  explicit Swarm(Options options);
  ~Swarm();
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  void add(std::size_t count, Ending ending);
  // False when `limit` passes first. `done` is asked after every turn of the loop.
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit);
  // Slow readers read on.
  void wake_slow();

  std::size_t subscribed() const noexcept { return subscribed_; }  // ever
  std::size_t ended() const noexcept { return ended_; }
  std::size_t ended(Ending ending) const;
  // Ended in another way than they should: "slow: 1006" and how many.
  const std::map<std::string, std::size_t>& wrong() const noexcept { return wrong_; }
  // Events that came to clients that stay, since the last reset_events(), and how long that took after
  // the event's own "at" (milliseconds, by the clock of this machine).
  std::size_t events() const noexcept { return events_; }
  std::uint64_t event_bytes() const noexcept { return event_bytes_; }
  double slowest_event_ms() const noexcept { return slowest_event_ms_; }
  void reset_events();

 private:
  struct Client;
  using Now = std::chrono::steady_clock::time_point;

  void connect_more();
  bool connect(Client& client);
  void on_ready(Client& client, std::uint32_t what);
  void on_readable(Client& client);
  void on_frame(Client& client, int opcode, std::string_view payload);
  void on_subscribed(Client& client);
  void send(Client& client, std::string_view bytes);
  void watch(Client& client, std::uint32_t what);
  void end(Client& client, bool expected, const std::string& how);
  void pong_slow(Now now);

  const Options options_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Client>> clients_;
  std::size_t next_ = 0;  // to connect
  std::size_t connecting_ = 0, subscribed_ = 0, ended_ = 0, sources_ = 0;
  std::map<Ending, std::size_t> ended_by_;
  std::map<std::string, std::size_t> wrong_;
  std::vector<Client*> slow_;
  Now next_pong_{};
  std::size_t events_ = 0;
  std::uint64_t event_bytes_ = 0;
  double slowest_event_ms_ = 0;
};

// A descriptor limit high enough for `count` sockets besides what the process has; false when the machine
// does not permit it.
bool permit_descriptors(std::size_t count);
// Of another process, from /proc.
std::size_t resident_bytes_of(int pid);
std::size_t descriptors_of(int pid);

}  // namespace voxanne::test
