// One RTP stream of a leg, both ways, on a media shard.
//
//   open()        binds; local_endpoint() goes into our SDP
//   configure()   what SDP agreed: format, where to send, direction; again on each re-INVITE
//   start()       the exchange begins: once per 20 ms until close(), also on hold, without packets
//                 and before the first configure() (late offer)
//   close()       RTCP BYE, sockets closed, nothing is called any more; the destructor does it too
//
//   socket ─▶ jitter buffer ─▶ decode, conceal ─▶ heard ┐
//                                                        exchange()
//   socket ◀─ RTP header ◀─ encode, digits ◀──── said  ┘
//
// Both rates are the leg's, fixed by start(), whatever codec is agreed upon or changed to.
//
// Symmetric RTP: we send to where the far end's packets come from (Latch says who is believed).
// The socket is drained right before each exchange, which is when its packets are wanted; the
// kernel's arrival times keep the jitter figure true.
//
// Owner: the leg. Executor: everything on the shard. Observer functions and exchange() may call
// close(), but must not destroy the session.
#pragma once

#include "media/exchange.h"
#include "media/shard.h"
#include "telephony/leg.h"
#include "telephony/rtp/format.h"
#include "telephony/rtp/port_pool.h"

#include <memory>
#include <string_view>

namespace voxanne::telephony::rtp {

class SessionObserver {
 public:
  virtual ~SessionObserver() = default;
  virtual void on_digit(char digit) = 0;  // 0-9 * # A-D, once per key press
  // Neither RTP nor RTCP came for Options::silence_limit though we should be hearing the far end;
  // once per silence, never on hold.
  virtual void on_media_timeout() = 0;
};

struct Options {
  Address bind_address;
  seconds silence_limit{20};
};

class Session final {
 public:
  // Errors: PortPool::lease()'s.
  static Result<std::unique_ptr<Session>> open(media::Shard& shard, PortPool& ports, const Options& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Endpoint local_endpoint() const;

  void configure(const Format& format, const Endpoint& remote, Direction direction);
  // `sample_rate` (8000 or 16000) is the leg's.
  void start(SessionObserver& observer, media::Exchange& exchange, int sample_rate);
  void close();

  // Sent one after the other, 100 ms each with a pause between, in place of our audio. Characters
  // that are not 0-9 * # A-D are left out.
  void send_digits(std::string_view digits);

  MediaStats stats() const;
  // Datagrams that were not heard: malformed, of another payload type, from strangers.
  std::uint64_t ignored() const;
  // How long from `said` until the far end plays it, as RTCP lets us estimate: half the round trip
  // and a usual jitter buffer.
  milliseconds playout_delay() const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::telephony::rtp
