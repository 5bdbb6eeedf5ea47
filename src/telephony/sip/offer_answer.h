// The offer/answer model (RFC 3264) for one audio stream: which codec, where to, which way.
// Our order of preference is G.722, PCMU, PCMA; digits travel as telephone-event (RFC 4733) where
// the far end takes them. Further media sections of an offer are rejected. Pure; any thread.
#pragma once

#include "telephony/rtp/format.h"
#include "telephony/rtp/port_pool.h"
#include "telephony/sip/sdp.h"

#include <array>
#include <optional>
#include <span>
#include <string>

namespace voxanne::telephony::sip {

inline constexpr std::array all_codecs{rtp::Codec::g722, rtp::Codec::pcmu, rtp::Codec::pcma};
// What we offer where the rate has to be known before the answer comes.
inline constexpr std::array narrowband_codecs{rtp::Codec::pcmu, rtp::Codec::pcma};

struct Agreement {
  rtp::Format format;
  rtp::Endpoint remote;  // unspecified address: hold in the old style (RFC 3264 section 8.4)
  rtp::Direction direction = rtp::Direction::send_recv;  // ours
  std::size_t section = 0;                               // of the offer

  // The far end does not want to hear us.
  bool held() const { return !rtp::sends(direction); }
};

// What we can agree to in an offer; `keep` is preferred where it is offered, since changing codecs
// in mid-call helps nobody. Errors are impossible: "no_audio", "no_common_codec", "bad_address".
Result<Agreement> choose(const sdp::Description& offer, std::optional<rtp::Codec> keep = std::nullopt);

// Where we receive.
struct Local {
  sdp::Origin origin;
  std::uint16_t port = 0;
};
std::string write_answer(const sdp::Description& offer, const Agreement& agreement, const Local& local);
std::string write_offer(std::span<const rtp::Codec> codecs, const Local& local);

// Whether it has our audio go to this machine though its sender is elsewhere.
bool leads_inside(const Agreement& agreement, const Address& sender);

// What the far end's answer to write_offer(codecs) means. Errors as for choose().
Result<Agreement> accept(const sdp::Description& answer, std::span<const rtp::Codec> codecs);

}  // namespace voxanne::telephony::sip
