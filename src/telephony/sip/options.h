// How the operator sets up SIP.
#pragma once

#include "base/secret.h"
#include "base/time.h"
#include "telephony/rtp/format.h"
#include "telephony/sip/address.h"
#include "telephony/sip/digest.h"
#include "telephony/sip/uri.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::telephony::sip {

// The carrier or PBX that calls go out to and come in from.
struct Trunk {
  Uri uri;  // its registrar and proxy: sip:HOST[:PORT][;transport=…]
  std::string username;
  Secret password;
  bool registers = true;      // false: the trunk knows us by address
  seconds expires{300};       // asked for; the trunk decides
  milliseconds ask_every{0};  // by OPTIONS, whether it is there; 0: it is not asked
};

struct Options {
  // A certain address is better than a wildcard: libre writes what is bound into Via, and not every
  // trunk looks past 0.0.0.0 to where a request came from.
  std::vector<Listen> listen;
  // What peers outside our network are told to send to (a NAT's address); peers with private
  // addresses are told the local one.
  std::optional<Address> public_address;

  // Who may call in. Everyone else is 403. The trunk's own addresses (the literal one of its URI,
  // and wherever our REGISTER is answered from) are allowed too.
  std::vector<Network> allowed;
  std::vector<User> users;      // by digest, from anywhere
  bool allow_loopback = false;  // development
  std::string realm = "voxanne";

  std::optional<Trunk> trunk;
  // What our own offers name, the preferred first. Answers choose from all that we know.
  std::vector<rtp::Codec> offered{rtp::Codec::g722, rtp::Codec::pcmu, rtp::Codec::pcma};
  bool allow_uri_dialing = false;  // development, tests and `voxanne call`: dial() takes SIP URIs

  std::uint16_t first_rtp_port = 20'000, last_rtp_port = 29'999;
  seconds media_silence_limit{20};

  double invites_per_second = 100;  // libre's timers degrade beyond; over it 503
  double invite_burst = 200;
  std::size_t max_pending = 200;     // inbound calls that nobody answered yet; over it 503
  seconds retry_after{2};            // said with a 503 of the rate limit and while draining
  milliseconds ack_timeout{32'000};  // 64·T1 (RFC 3261 section 13.3.1.4)
  milliseconds stop_timeout{2'000};  // how long stop() waits for answers to its BYEs
};

}  // namespace voxanne::telephony::sip
