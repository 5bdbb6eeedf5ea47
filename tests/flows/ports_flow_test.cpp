// Ports that somebody else holds: at the start a precise error and exit code 1; once calls run, an
// exhausted range of RTP ports refuses the call that has none and no other.
#include "support/server.h"
#include "support/sip_phone.h"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>
#include <vector>

namespace voxanne::test {
namespace {

using std::chrono::seconds;

// A socket of ours on a port of 127.0.0.1; 0: any.
class Held {
 public:
  explicit Held(int type, std::uint16_t port = 0) : socket_(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    bound_ = bind(socket_, plain, size) == 0 && (type != SOCK_STREAM || listen(socket_, 1) == 0) &&
             getsockname(socket_, plain, &size) == 0;
    port_ = ntohs(address.sin_port);
  }
  ~Held() {
    if (socket_ >= 0) close(socket_);
  }
  Held(Held&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), bound_(other.bound_), port_(other.port_) {}
  Held& operator=(Held&&) = delete;

  bool bound() const { return bound_; }
  std::uint16_t port() const { return port_; }

 private:
  int socket_;
  bool bound_ = false;
  std::uint16_t port_ = 0;
};

// Four neighbours, the first even: two pairs as RTP wants them.
std::vector<Held> held_range() {
  for (int i = 0; i < 1'000; ++i) {
    std::vector<Held> held;
    held.emplace_back(SOCK_DGRAM);
    if (!held[0].bound() || held[0].port() % 2 != 0 || held[0].port() > 65'000) continue;
    while (held.size() < 4 && held.back().bound())
      held.emplace_back(SOCK_DGRAM, static_cast<std::uint16_t>(held.back().port() + 1));
    if (held.back().bound()) return held;
  }
  throw std::runtime_error("no four neighbouring ports are free");
}

std::string range_of(const std::vector<Held>& held) {
  return std::to_string(held.front().port()) + "-" + std::to_string(held.front().port() + 3);
}

struct Start {
  std::optional<int> exit_code;
  std::string output;
};

Start start_with(std::map<std::string, std::string> environment) {
  const TempDir data;
  environment.merge(std::map<std::string, std::string>{{"VOXANNE_ENV", "development"},
                                                       {"HOST", "127.0.0.1"},
                                                       {"PORT", "0"},
                                                       {"DATA_DIR", data.path().string()},
                                                       {"SIP_LISTEN", "udp:127.0.0.1:0"}});
  Process process{{.command = {voxanne_program(), "serve"},
                   .environment = std::move(environment),
                   .directory = data.path().string()}};
  const auto code = process.wait(seconds{60});
  return {code, process.output()};
}

TEST(PortInUse, http) {
  const Held held{SOCK_STREAM};
  const auto start = start_with({{"PORT", std::to_string(held.port())}});
  EXPECT_EQ(start.exit_code, 1);
  EXPECT_NE(start.output.find("voxanne: 127.0.0.1:" + std::to_string(held.port()) + " is in use"),
            std::string::npos)
      << start.output;
  EXPECT_NE(start.output.find("set PORT to a free port"), std::string::npos) << start.output;
}

TEST(PortInUse, sip) {
  for (const auto& [type, name] : {std::pair{SOCK_DGRAM, "udp"}, std::pair{SOCK_STREAM, "tcp"}}) {
    const Held held{type};
    const std::string where = std::string{name} + ":127.0.0.1:" + std::to_string(held.port());
    const auto start = start_with({{"SIP_LISTEN", where}});
    EXPECT_EQ(start.exit_code, 1) << name;
    EXPECT_NE(start.output.find(std::string{name} + " port " + std::to_string(held.port()) +
                                " of 127.0.0.1 is in use"),
              std::string::npos)
        << start.output;
  }
}

TEST(PortInUse, rtp) {
  const auto held = held_range();
  const auto start = start_with({{"RTP_PORTS", range_of(held)}});
  EXPECT_EQ(start.exit_code, 1);
  EXPECT_NE(start.output.find("no free pair of RTP ports in " + range_of(held)), std::string::npos)
      << start.output;
}

TEST(RtpPorts, the_call_for_which_none_is_left_is_refused_and_the_next_one_is_not) {
  auto held = held_range();
  const std::string range = range_of(held);
  held.pop_back();  // one pair is free
  held.pop_back();
  Server server{{{"RTP_PORTS", range}}};
  const auto port = static_cast<std::uint16_t>(server.sip_udp_port());
  const auto call = [](SipPhone& phone) {
    phone.send(phone.request("INVITE", "demo", {.body = SipPhone::sdp()}));
    const auto answer = phone.response();
    phone.send(phone.request("ACK", "demo", {.same_transaction = answer.status != 200}));
    return answer;
  };
  SipPhone first{port, SipPhone::udp}, second{port, SipPhone::udp};
  EXPECT_EQ(call(first).status, 200);
  const auto refused = call(second);
  EXPECT_EQ(refused.status, 503);
  EXPECT_FALSE(refused.header("Retry-After").empty());
  first.send(first.request("BYE", "demo", {.in_dialog = true}));
  EXPECT_EQ(first.response(200).status, 200);
  // The pair comes back once the call's media is closed, which may be a moment after its BYE.
  SipMessage again;
  for (int i = 0; i < 50 && again.status != 200; ++i) {
    second.new_call();
    again = call(second);
  }
  EXPECT_EQ(again.status, 200);
}

}  // namespace
}  // namespace voxanne::test
