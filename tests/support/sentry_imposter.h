// A Sentry-compatible tracker on a free loopback port, with faults on demand: it checks what a real one
// checks (path, authentication, gzip, envelope framing) and keeps every item it was sent.
//
//   SentryImposter tracker;
//   Server server{{{"SENTRY_DSN", tracker.dsn()}}};
//   …
//   const auto event = tracker.wait_for("event", 10s, [](const json::object& e) { return …; });
//
// Every wait is bounded. Any thread.
#pragma once

#include <boost/json.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace voxanne::test {

class SentryImposter {
 public:
  enum class Mood {
    well,      // 200 {"id"}
    hanging,   // takes the request and never answers
    limiting,  // 429 with the headers of limit_with()
    broken,    // 500
    closing,   // closes the connection when it has read the request
  };

  explicit SentryImposter(std::uint16_t port = 0);
  ~SentryImposter();
  SentryImposter(const SentryImposter&) = delete;
  SentryImposter& operator=(const SentryImposter&) = delete;

  std::string dsn() const { return "http://publickey@127.0.0.1:" + std::to_string(port_) + "/42"; }
  std::uint16_t port() const { return port_; }

  void set(Mood mood);
  // Header lines of a 429, each ending in CRLF; also sent with a 200 when `with_ok`.
  void limit_with(std::string headers, bool with_ok = false);

  struct Item {
    std::string type;
    boost::json::object body, envelope;  // the item, and its envelope's header
  };
  using Wanted = std::function<bool(const boost::json::object&)>;
  // The first item of this type, from the beginning on, that `wanted` accepts.
  std::optional<Item> wait_for(const std::string& type, std::chrono::milliseconds limit,
                               const Wanted& wanted = {});
  bool wait_for_requests(std::size_t count, std::chrono::milliseconds limit);
  std::vector<Item> items(const std::string& type) const;  // that were answered 200
  std::size_t requests() const;                            // also those that were not
  std::vector<std::string> complaints() const;             // what a real tracker would have refused
  std::string everything() const;                          // all text that came, for what must not be in it

 private:
  void accept();
  void serve(int socket);
  void keep(const std::string& body, bool accepted);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Mood mood_ = Mood::well;
  std::string limits_;
  bool limits_with_ok_ = false, stopping_ = false;
  std::vector<Item> items_;
  std::vector<std::string> complaints_;
  std::string everything_;
  std::size_t requests_ = 0;
  std::vector<int> sockets_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace voxanne::test
