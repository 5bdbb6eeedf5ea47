// Whom an RTP stream comes from and goes to: symmetric RTP behind NAT without letting strangers in.
// Before the far end is known, the signalled address is believed at once and another one when it
// sends two packets in sequence. Then it stays: nobody else is heard, but for two who must send two
// in sequence as well: the signalled address, and the very stream (same SSRC) when it goes on from
// elsewhere after a second of silence, as when a phone changes its network.
//
// When a new address is signalled, the old stream often flows on for a moment: for a second it is
// not believed again, so that it does not take the place of the new one.
#pragma once

#include "base/time.h"
#include "telephony/rtp/packet.h"
#include "telephony/rtp/port_pool.h"

#include <optional>

namespace voxanne::telephony::rtp {

class Latch {
 public:
  // What SDP says; the same address again (hold, resume) changes nothing, a new one begins anew.
  void expect(const Endpoint& signalled);

  // Whether a valid packet is to be heard.
  bool admit(const Endpoint& from, const Header& header, SteadyTime now);

  // Where to send; unspecified when not known.
  const Endpoint& destination() const { return latched_ ? source_ : signalled_; }
  bool latched() const { return latched_; }

 private:
  bool confirms(const Endpoint& from, const Header& header);
  bool is_former(const Endpoint& from, SteadyTime now);

  Endpoint signalled_;
  bool latched_ = false;
  Endpoint source_;
  std::uint32_t ssrc_ = 0;
  SteadyTime heard_{};

  bool has_former_ = false;
  Endpoint former_;
  std::optional<SteadyTime> former_until_;  // from its first packet on

  bool has_candidate_ = false;
  Endpoint candidate_;
  std::uint32_t candidate_ssrc_ = 0;
  std::uint16_t candidate_next_ = 0;
};

}  // namespace voxanne::telephony::rtp
