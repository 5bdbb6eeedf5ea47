#include "support/server.h"

#include <boost/json.hpp>

#include <stdexcept>

namespace voxanne::test {

std::string voxanne_program() { return VOXANNE_PROGRAM; }

std::pair<int, std::string> run_voxanne(const std::string& command,
                                        std::map<std::string, std::string> environment) {
  TempDir directory;
  environment.insert({{"DATA_DIR", (directory / "data").string()}, {"PORT", "0"}, {"SIP_LISTEN", "off"}});
  Process process{{.command = {voxanne_program(), command},
                   .environment = std::move(environment),
                   .directory = directory.path().string()}};
  const auto code = process.wait(std::chrono::seconds{30});
  return {code.value_or(-1), process.output()};
}

Server::Server(std::map<std::string, std::string> environment) : environment_(std::move(environment)) {
  const std::map<std::string, std::string> defaults{
      {"VOXANNE_ENV", "development"},
      {"HOST", "127.0.0.1"},
      {"PORT", "0"},
      {"DATA_DIR", data_.path().string()},
      {"SIP_LISTEN", "udp:127.0.0.1:0,tcp:127.0.0.1:0"},
      {"LOG_FORMAT", "json"},
  };
  environment_.insert(defaults.begin(), defaults.end());
  start();
}

void Server::start() {
  process_ = std::make_unique<Process>(Process::Options{.command = {voxanne_program(), "serve"},
                                                        .environment = environment_,
                                                        .directory = data_.path().string()});
  const auto line = process_->wait_for_line("\"server.ready\"", std::chrono::seconds{60});
  if (!line) throw std::runtime_error("the server did not start:\n" + process_->output());
  const auto ready = boost::json::parse(*line);
  const auto number = [&](const char* key) {
    const auto* value = ready.as_object().if_contains(key);
    return value ? int(value->as_int64()) : 0;
  };
  port_ = number("port");
  sip_udp_ = number("sipUdpPort");
  sip_tcp_ = number("sipTcpPort");
}

}  // namespace voxanne::test
