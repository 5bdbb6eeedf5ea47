// Session descriptions (SDP, RFC 4566): text ↔ values, as far as an offer or answer about audio
// needs it. Pure and bounded; any thread.
#pragma once

#include "base/result.h"
#include "telephony/rtp/format.h"
#include "telephony/sip/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::telephony::sip::sdp {

using rtp::Direction;

inline constexpr std::size_t max_text = 16 * 1024;
inline constexpr std::size_t max_media = 16;
inline constexpr std::size_t max_formats = 64;

// a=rtpmap: what a payload type stands for.
struct Mapping {
  std::uint8_t payload_type = 0;
  std::string encoding;  // lower case
  unsigned clock = 0;
  unsigned channels = 1;

  bool operator==(const Mapping&) const = default;
};

// One m= section with what the session level says for all of them folded in.
struct Media {
  std::string kind;       // "audio", lower case
  std::string transport;  // "RTP/AVP"
  std::string formats;    // as written: echoed when the section is rejected
  std::uint16_t port = 0;
  std::vector<std::uint8_t> payload_types;  // those of `formats` that are numbers below 128
  std::vector<Mapping> mappings;
  std::optional<Address> connection;           // absent where a host name is given
  Direction direction = Direction::send_recv;  // as its writer sees it

  const Mapping* mapping(std::uint8_t payload_type) const;
};

struct Description {
  std::vector<Media> media;
};

// malformed "bad_sdp"; the message names the line.
Result<Description> parse(std::string_view text);

// What stands above the m= sections in a description of ours.
struct Origin {
  std::uint64_t session_id = 0;
  std::uint64_t version = 0;  // one more with every description that differs
  Address address;
};
std::string write_head(const Origin& origin);
std::string_view to_string(Direction direction);

}  // namespace voxanne::telephony::sip::sdp
