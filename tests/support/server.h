// The built program, serving on free loopback ports from a data directory of its own.
//
//   Server server;                          // development environment, demo organization
//   http_get(server.url("/health"));
//   server.process().signal(SIGKILL); server.start();   // the same data again
//
// What http() is answered by one is held against its own OpenAPI description: a failure of the test where
// the status or the shape is not described.
#pragma once

#include "support/process.h"
#include "support/temp_dir.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace voxanne::test {

// build/voxanne of the build that this test belongs to.
std::string voxanne_program();

// A command of it, run to its end with these settings in an empty directory: its exit code and output.
std::pair<int, std::string> run_voxanne(const std::string& command,
                                        std::map<std::string, std::string> environment);

class Server {
 public:
  // `environment` is added to a development server's own: PORT=0, SIP on free ports, JSON logs.
  explicit Server(std::map<std::string, std::string> environment = {});

  // Waits until the server says that it is ready; throws with its output when it does not.
  void start();
  // For the next start(): added to its environment, in place of what is there.
  void set_environment(const std::map<std::string, std::string>& more) {
    for (const auto& [name, value] : more) environment_[name] = value;
  }
  Process& process() { return *process_; }
  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::string ws_url(const std::string& path) const {
    return "ws://127.0.0.1:" + std::to_string(port_) + path;
  }
  int port() const { return port_; }
  int sip_udp_port() const { return sip_udp_; }
  int sip_tcp_port() const { return sip_tcp_; }
  const std::filesystem::path& data() const { return data_.path(); }

 private:
  TempDir data_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<Process> process_;
  int port_ = 0, sip_udp_ = 0, sip_tcp_ = 0;
};

}  // namespace voxanne::test
