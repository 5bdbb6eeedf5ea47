// One side of a call, whatever carries it: SIP, a browser, Twilio, Vapi. The conversation does not
// know which.
//
//   inbound:   Gateway → on_inbound(leg, info) → leg.start(observer) → leg.answer(exchange)
//              → on_answered … exchange() every 20 ms … → observer.on_ended(end), once
//   outbound:  Dialer.dial(request) → leg.start(observer) → on_ringing → on_answered → answer(exchange)
//
// Owner: the call, by unique_ptr. Executor: every function is called, and every observer function
// is called back, on the leg's shard. After on_ended() nothing more is called and the leg may be
// destroyed (not inside the callback). Destroying a living leg hangs it up.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "domain/call.h"
#include "media/exchange.h"
#include "media/shard.h"

#include <functional>
#include <memory>
#include <string>

namespace voxanne::telephony {

struct LegEnd {
  enum class Cause {
    remote_hung_up,     // BYE, socket closed politely
    local_hung_up,      // hang_up() was called
    cancelled,          // the caller gave up before the answer, or we before theirs
    busy,               // outbound: 486, 600
    no_answer,          // outbound: 408, 480, ring timeout
    rejected,           // outbound: any other final refusal; inbound: we refused
    transferred,        // the far end was handed over
    media_timeout,      // no audio packets for the watchdog's time
    transport_failed,   // network, TLS or protocol failure
    media_unavailable,  // there is no socket for the audio on our side: ours to mend
    failed,             // what served it ended without ending it: ours to mend
  };
  Cause cause = Cause::remote_hung_up;
  int status = 0;      // SIP response or WebSocket close code, where there is one
  std::string detail;  // for the operator; no personal data
};

class LegObserver {
 public:
  virtual ~LegObserver() = default;
  virtual void on_ringing() {}            // outbound
  virtual void on_answered() {}           // outbound: call answer(exchange) now; inbound: acknowledged
  virtual void on_digit(char digit) = 0;  // 0-9 * # A-D, once per key press
  virtual void on_hold(bool held) = 0;    // the far end put us on hold, or came back
  virtual void on_ended(const LegEnd& end) = 0;
};

// How an inbound leg is refused: SIP 404, 486 and 503, WebSocket close codes and their like.
enum class Refusal { unknown_target, not_allowed, organization_full, server_full, draining };

// How the network treated a call so far, for its record and the benchmark.
struct MediaStats {
  std::uint64_t received = 0, lost = 0, late = 0, concealed = 0, sent = 0;
  double jitter_ms = 0;
};

class Leg {
 public:
  virtual ~Leg() = default;

  virtual domain::Channel channel() const = 0;
  virtual media::Shard& shard() const = 0;
  // 8000 or 16000; fixed from answer() (inbound) or on_answered() (outbound) on.
  virtual int sample_rate() const = 0;

  virtual void start(LegObserver& observer) = 0;
  // Audio flows from here on; inbound, where this accepts the call, once the far end has acknowledged it.
  virtual void answer(media::Exchange& exchange) = 0;
  // Inbound, instead of answer(); on_ended(rejected) follows.
  virtual void refuse(Refusal why, seconds retry_after) = 0;
  // Inbound, instead of either: the far end is to try this number (E.164); on_ended(rejected) follows.
  // False where its protocol cannot say so: nothing has happened then.
  virtual bool redirect(const std::string&) { return false; }

  // Barge-in: whatever the far end has buffered of ours is to be dropped, where its protocol can.
  virtual void clear_playout() = 0;
  // How long from `said` until it is heard, as well as can be known: what to subtract when deciding
  // which word was heard last.
  virtual milliseconds playout_delay() const = 0;

  virtual void send_digits(std::string digits) = 0;
  virtual void hang_up() = 0;  // polite; on_ended(local_hung_up) follows
  virtual MediaStats media_stats() const = 0;
};

struct InboundInfo {
  std::string from_number;  // E.164 where it is one, else the user part
  std::string from_name;
  std::string to;           // the user part that was dialled
  std::string source;       // network address of the peer
  std::string protocol_id;  // SIP Call-ID and the like, for the log
  CallId call_id;           // the id the call shall have, where the far end is told it; else empty
  bool is_test = false;     // the caller is a load test, or doctor
};

// Called on the leg's shard; the receiver owns the leg.
using OnInbound = std::function<void(std::unique_ptr<Leg>, InboundInfo)>;

struct DialRequest {
  std::string to;           // E.164, or a SIP URI where the operator allows it
  std::string from_number;  // caller id
  std::string from_name;
  bool is_test = false;  // told to the far end, which may be one of us
  milliseconds ring_timeout{45'000};
};

class Dialer {
 public:
  virtual ~Dialer() = default;
  // A leg that begins to ring when start() is called; an error when this carrier cannot dial that.
  // Called on `shard`.
  virtual Result<std::unique_ptr<Leg>> dial(media::Shard& shard, const DialRequest& request) = 0;
};

}  // namespace voxanne::telephony
