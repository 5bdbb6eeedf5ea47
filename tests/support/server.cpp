#include "support/server.h"

#include "support/api/description.h"
#include "support/http.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <mutex>
#include <set>
#include <stdexcept>

namespace voxanne::test {
namespace {

// Holds what servers of ours answer against the description that they give themselves.
class Judge {
 public:
  void add(std::string address) {
    const std::lock_guard lock{mutex_};
    servers_.insert(std::move(address));
  }
  void look_at(const HttpAsk& ask, const HttpAnswer& answer) {
    const std::string address = ask.url.substr(0, ask.url.find('/', std::string_view{"http://"}.size())),
                      target = ask.url.substr(address.size());
    if (target == description_at) return;  // our own asking, too
    const std::lock_guard lock{mutex_};
    if (!servers_.contains(address)) return;
    if (!description_) {
      const auto description = http_get(address + description_at);
      if (description.status != 200) return;
      description_.emplace(description.body);
    }
    // What is asked over and over until something holds is not judged each time.
    auto& times = seen_[description_->operation(ask.method, target) + std::to_string(answer.status)];
    if (++times > enough) return;
    EXPECT_EQ(description_->fault_of(ask.method, target, answer), "") << ask.method << ' ' << target;
  }

 private:
  static constexpr const char* description_at = "/openapi.json";
  static constexpr int enough = 5;

  std::mutex mutex_;
  std::set<std::string> servers_;
  std::optional<ApiDescription> description_;  // of one program, whichever of them gave it
  std::map<std::string, int> seen_;
};

Judge& judge() {
  static Judge one;
  return one;
}

}  // namespace

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
  judge().add(url(""));
  show_answers_to([](const HttpAsk& ask, const HttpAnswer& answer) { judge().look_at(ask, answer); });
}

}  // namespace voxanne::test
