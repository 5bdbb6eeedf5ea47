// SIP: the organization's own trunk or PBX. Signalling by libre on its own thread, audio by our
// own RTP on the media shards.
//
//   SipThread thread;
//   Gateway gateway{thread, clock, options, {choose_shard, on_inbound}};
//   gateway.start();    listens, registers at the trunk
//   gateway.dial(…)     a leg towards the trunk, or to a SIP URI where that is allowed
//   gateway.drain();    new calls are 503 with Retry-After; those that run go on
//   gateway.stop();     hangs up the rest, unregisters, closes the sockets; bounded by Options::stop_timeout
//
// Owner: app. The SIP thread and the media shards outlive it and its legs; legs may outlive it.
// start() and stop() block and are called from neither of those threads; the rest from any.
#pragma once

#include "async/clock.h"
#include "telephony/leg.h"
#include "telephony/sip/options.h"
#include "telephony/sip/sip_thread.h"

#include <functional>
#include <memory>
#include <vector>

namespace voxanne::telephony::sip {

struct Inbound {
  // Called on the SIP thread for each call that comes in. Unset: every INVITE is 404.
  std::function<media::Shard&()> choose_shard;
  OnInbound on_inbound;
};

struct GatewayHealth {
  bool listening = false;
  bool registered = true;   // true too where the trunk needs no registration
  bool trunk_there = true;  // false while it does not answer (TrunkWatch)
  std::size_t calls = 0;
  std::size_t pending = 0;  // inbound, not answered yet
  // Since start: turned away for their source, for the rate limit, for being unreadable.
  std::uint64_t refused = 0, limited = 0, malformed = 0;
};

class Stack;

class Gateway final : public Dialer {
 public:
  Gateway(SipThread& thread, async::Clock& clock, Options options, Inbound inbound);
  ~Gateway() override;

  // Errors: "sip_port_in_use", "sip_address_unavailable", "sip_listen_failed", "rtp_ports", "sip_options",
  // PortPool::lease()'s.
  Result<> start();
  void drain();
  void stop();

  // Errors, all before anything is sent: malformed "invalid_phone_number" or "invalid_sip_uri",
  // forbidden "sip_uri_not_allowed", unavailable "no_trunk", "sip_no_listener" or "draining".
  Result<std::unique_ptr<Leg>> dial(media::Shard& shard, const DialRequest& request) override;

  GatewayHealth health() const;
  std::vector<Listen> listening() const;  // with the ports that were chosen for port 0

 private:
  SipThread& thread_;
  std::shared_ptr<Stack> stack_;
  bool started_ = false;
};

}  // namespace voxanne::telephony::sip
