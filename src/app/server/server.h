// The composition root: names every concrete part, starts them from the ground up and stops them
// from the top down.
//
//   Server server{config, program};
//   if (auto started = server.start(); !started) …    // nothing is left running
//   …
//   server.stop();     // drains: no new calls, active ones finish within drainSeconds, uploads flush
//
// start() and stop() block and are called from the same thread, outside all loops. `program` is our
// own executable, which the speech workers are started from.
#pragma once

#include "app/config.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace voxanne::events {
class Bus;
}

namespace voxanne::app {

class Server {
 public:
  Server(Config config, std::string program);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Errors: of the first part that cannot start, with what to do about it.
  Result<> start();
  void stop();

  struct Ports {
    std::uint16_t http = 0, sip_udp = 0, sip_tcp = 0;  // 0: not listening
  };
  Ports ports() const;
  // How to sign in to the demo organization: address and password, in development.
  std::optional<std::pair<std::string, Secret>> demo_login() const;
  events::Bus& events();
  std::size_t active_calls() const;
  // Looks at the certificate's files anew (SIGHUP).
  void reload_certificate();
  // Waits until calls can be understood: recognition is up, the demo's language model is built.
  bool wait_until_hearing(milliseconds limit);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace voxanne::app
