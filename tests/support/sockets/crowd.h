// What flows and benchmarks do with a swarm and the built program: ten thousand connections that end in
// every way there is, one event to all who listen.
#pragma once

#include "support/server.h"
#include "support/sockets/swarm.h"

#include <map>
#include <string>

namespace voxanne::test {

// A server that takes so many from this machine; `more` wins.
std::map<std::string, std::string> crowd_environment(std::map<std::string, std::string> more = {});
// An owner's token, for an hour.
std::string crowd_token(const std::string& org);
const std::string& crowd_secret();  // what signs it
Swarm::Options crowd_clients(std::uint16_t port, const std::string& org);
Swarm::Options listeners(const Server& server, const std::string& org);

// Publishes one event, `knowledge.updated`; the status of the upload that makes it.
int publish_one(const Server& server, const std::string& org, int number);

// Opens `count` connections, a sixth of each ending, while a megabyte of events is published, and waits
// until each has ended. Empty when every one did so as it should; else what went wrong.
std::string six_endings(const Server& server, std::size_t count);

// A gauge or counter without labels; -1 when there is none of that name.
double metric(const Server& server, const std::string& name);

// Until the server has no WebSocket and no call any more.
void settle(const Server& server);

// Endings that were not as they should be, a line each.
std::string said(const std::map<std::string, std::size_t>& wrong);

}  // namespace voxanne::test
