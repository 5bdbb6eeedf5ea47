// A SIP peer that sends exactly what it is told to, over UDP or TCP to 127.0.0.1: malformed
// requests, replays, half dialogs. Every wait is bounded, so that a server that never answers fails
// a test instead of hanging it.
//
//   SipPhone phone{port, SipPhone::udp};
//   phone.send(phone.request("INVITE", "demo", {.body = sdp}));
//   EXPECT_EQ(phone.response(200).status, 200);
//   phone.send(phone.request("ACK", "demo"));
//
// One dialog at a time: its tags and route are learned from what comes in.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace voxanne::test {

struct SipMessage {
  int status = 0;      // of a response
  std::string method;  // of a request; both empty: none came
  std::string start, body;
  std::vector<std::pair<std::string, std::string>> headers;

  std::string header(std::string_view name) const;  // empty: absent
};

class SipPhone {
 public:
  enum Transport { udp, tcp };

  struct Parts {
    std::string headers{};  // whole lines
    std::string body{};
    std::string to{};  // the user in To, where it is not that of the request's URI
    std::string type = "application/sdp";
    bool in_dialog = false;         // with the far end's tag, and the next CSeq
    bool same_transaction = false;  // ACK of a failure, CANCEL
  };

  SipPhone(std::uint16_t server_port, Transport transport, milliseconds patience = seconds{5});
  // UDP, called rather than calling: it waits for connect() to learn where the server is.
  SipPhone();
  void connect(std::uint16_t server_port);
  ~SipPhone();
  SipPhone(const SipPhone&) = delete;
  SipPhone& operator=(const SipPhone&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  const std::string& call_id() const noexcept { return call_id_; }
  void new_call();                      // forgets the dialog
  void join(const SipMessage& invite);  // the dialog of a call that came in

  std::string request(std::string_view method, std::string_view user, const Parts& parts);
  std::string request(std::string_view method, std::string_view user) {
    return request(method, user, Parts{});
  }
  std::string reply(const SipMessage& to, int status, std::string_view reason, std::string_view headers = {},
                    std::string_view body = {}) const;
  void send(std::string_view text);

  SipMessage receive();
  // The next response to our last request that is final or has this status; provisional ones before it are
  // skipped.
  SipMessage response(int wanted = 0);
  SipMessage next_request();  // skips responses
  bool silent_for(milliseconds time);

  // A description with one audio section on a port that is `rtp_port`.
  static std::string sdp(std::string_view formats = "0 101", std::uint16_t rtp_port = 40'000,
                         std::string_view attributes = {});

 private:
  void open();
  bool fill(milliseconds limit);

  int socket_ = -1;
  Transport transport_;
  milliseconds patience_;
  std::uint16_t server_port_ = 0, port_ = 0;
  std::string buffer_;  // TCP
  std::string call_id_, from_tag_, to_tag_, branch_;
  unsigned sequence_ = 1;
};

}  // namespace voxanne::test
