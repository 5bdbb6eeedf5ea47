#include "app/server/server.h"

#include "app/server/front.h"
#include "base/log.h"
#include "store/demo.h"

#include <utility>

namespace voxanne::app {

// From the ground up; each may use what stands above it here. The loops are the foundation's: they are
// destroyed last, after the store, which answers on them until it has stopped.
struct Server::Parts {
  Parts(Config config, std::string program) : foundation(std::move(config), std::move(program)) {}

  Foundation foundation;
  Records records{foundation};
  Outward outward{foundation, records};
  Knowing knowing{foundation, records};
  Speech speech{foundation, records};
  Lines lines{foundation, records, outward, knowing, speech};
  Front front{foundation, records, outward, knowing, speech, lines};
  bool started = false, stopped = false;

  Result<> start();
  void announce() const;
  void stop();
};

Server::Server(Config config, std::string program)
    : parts_(std::make_unique<Parts>(std::move(config), std::move(program))) {}
Server::~Server() { stop(); }

Result<> Server::start() {
  auto started = parts_->start();
  if (started.has_error()) stop();
  return started;
}
void Server::stop() { parts_->stop(); }
Server::Ports Server::ports() const {
  return {.http = parts_->front.port, .sip_udp = parts_->lines.sip_udp, .sip_tcp = parts_->lines.sip_tcp};
}
std::optional<std::pair<std::string, Secret>> Server::demo_login() const {
  const auto& entrance = parts_->front.entrance;
  if (!entrance || !entrance->demo_password) return std::nullopt;
  return std::pair{std::string{demo_email}, *entrance->demo_password};
}
void Server::reload_certificate() { parts_->front.reload_certificate(); }
events::Bus& Server::events() { return *parts_->records.bus; }
std::size_t Server::active_calls() const {
  return parts_->lines.switchboard ? parts_->lines.switchboard->active() : 0;
}

bool Server::wait_until_hearing(milliseconds limit) {
  return parts_->speech.recognizer &&
         parts_->speech.models->wait_until_built(OrgId{std::string{store::demo::organization_id}}, limit);
}

Result<> Server::Parts::start() {
  const auto root = foundation.start();
  if (root.has_error()) return root.error();
  if (auto kept = records.start(); kept.has_error()) return kept;
  if (auto told = outward.start(*root); told.has_error()) return told;
  knowing.start();
  speech.start();
  if (auto open = lines.start(); open.has_error()) return open;
  if (auto open = front.start(*root); open.has_error()) return open;
  announce();
  started = true;
  return {};
}

void Server::Parts::announce() const {
  const Config& config = foundation.config;
  log::info("server.ready", {{"version", VOXANNE_VERSION},
                             {"environment", to_string(config.environment)},
                             {"host", config.host},
                             {"port", front.port},
                             {"sipUdpPort", lines.sip_udp},
                             {"sipTcpPort", lines.sip_tcp},
                             {"dataDir", std::filesystem::absolute(config.data_dir).string()}});
  if (foundation.development())
    log::warning("development.open", {{"notice",
                                       "DEVELOPMENT: requests from this machine need no token; never "
                                       "serve callers like this"}});
}

// Intake first, then what runs, then what it wrote to; loops before what their handlers refer to.
void Server::Parts::stop() {
  if (std::exchange(stopped, true)) return;
  front.drain();
  lines.drain(started ? seconds{foundation.config.drain_seconds} : seconds{0});
  front.stop_listening(5s);
  lines.stop();
  front.stop_health();
  outward.stop();
  records.stop_queue();
  knowing.stop();
  speech.stop();
  foundation.stop_workers();
  foundation.stop_shards();
  records.stop_store();
  foundation.house.stop();
  foundation.stop_tracker();
}

}  // namespace voxanne::app
