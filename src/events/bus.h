// Live events: what the dashboard and developers see while it happens.
//
//   calls, recordings, knowledge ── publish() ──▶ one ring per organization ──▶ Subscription per reader
//
// publish() is called after the commit that made the event true, from any thread; it appends one
// frame (JSON text, made once and shared) to its organization's ring and wakes the readers. A reader
// is only a position in that ring: it has no queue of its own, so all of them together hold no more
// than the rings do. One that falls behind the ring's oldest frame is overrun and must be dropped; one
// that is `max_behind` bytes back is far behind, and its owner knows whether that is the reader's doing.
//
// `seq` is dense per organization and epoch; the epoch is random per process start. A server begins each
// epoch beyond the seqs of the ones before (Options::first_seq), so that a position without its epoch is
// not taken for one of another. A ring keeps
// what is younger than `keep_for` and in any case the last `keep_events`; when all rings together
// exceed `max_bytes` the largest one gives up its oldest frames.
//
// The bus outlives its publishers and subscriptions.
#pragma once

#include "async/clock.h"
#include "base/ids.h"
#include "base/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::events {

enum class EventType {
  call_started,
  call_updated,
  call_ended,
  transcript_partial,
  transcript_final,
  message_taken,
  recording_ready,
  recording_failed,
  knowledge_updated,
  gap_opened,
  stats_updated,
  provider_health,
};
std::string_view to_string(EventType type);  // "call.started"

struct Event {
  EventType type = EventType::call_updated;
  OrgId org;
  CallId call;       // empty: not about a call, sent as null
  std::string data;  // a JSON value; empty is sent as {}
  UtcTime at{};
};

using Frame = std::shared_ptr<const std::string>;

// Where a reader left off; 0: at the epoch's beginning. Without an epoch the position is taken as one of the
// current epoch.
struct Since {
  std::string epoch;
  std::uint64_t seq = 0;
};

class Subscription;

class Bus {
 public:
  struct Options {
    std::uint64_t first_seq = 1;
    std::size_t keep_events = 1'000;
    milliseconds keep_for{10 * 60'000};
    std::size_t max_bytes = 256u << 20;  // all rings together, frames and their bookkeeping
    std::size_t max_behind = 1u << 20;   // one reader's backlog: more is far behind
  };

  explicit Bus(const async::Clock& clock);
  Bus(const async::Clock& clock, Options options);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  const std::string& epoch() const noexcept;

  // Any thread. Answers the event's seq.
  std::uint64_t publish(const Event& event);

  // To every organization that has had events or listeners: what concerns them all. event.org is not looked
  // at. Any thread.
  void publish_to_all(const Event& event);

  // Nothing about this call is given to anybody any more: the organization's frames up to the call's last one
  // leave the ring. Who would need one of them to resume gets a resync; who has yet to take one is overrun.
  // Any thread.
  void forget(const OrgId& org, const CallId& call);

  // Any thread; the subscription is used on `executor`'s loop only. `changed`: called there, by a posted
  // handler, after each event and when the reader is overrun; once for several events, at times for nothing.
  std::unique_ptr<Subscription> subscribe(const OrgId& org, const std::optional<Since>& since,
                                          async::Executor executor, std::function<void()> changed);

  // Bytes that all rings hold now, for metrics and tests.
  std::size_t bytes() const;

 private:
  friend class Subscription;
  struct Impl;
  struct Ring;
  std::shared_ptr<Impl> impl_;
};

// One reader's position in its organization's ring. Used and destroyed on its own loop.
class Subscription {
 public:
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // The organization's last seq when the subscription began.
  std::uint64_t head() const noexcept { return head_; }
  // True when `since` could not be honoured: its epoch is another one, its events are gone or it
  // lies in the future. The reader starts at head() and must fetch the state anew.
  bool resync() const noexcept { return resync_; }

  // The seq of the last frame taken, or where the reader began.
  std::uint64_t position() const noexcept { return taken_; }

  // The frames after the last ones taken, oldest first; at most `max_bytes` of them but at least
  // one; empty when there are none yet or when overrun. Ask again until it is: nobody is called for
  // what is left over. Taking frames does not yet count as progress: consumed() does, once they are sent.
  std::vector<Frame> take(std::size_t max_bytes);
  // Whether take() would give any; asks nobody.
  bool has_more() const noexcept;
  void consumed();

  // What was published and not consumed is more than a reader may be behind. It may still take.
  bool far_behind() const;
  // The ring has lost what comes next; nothing can be taken any more.
  bool overrun() const noexcept;

 private:
  friend class Bus;
  struct Waker;
  Subscription(std::shared_ptr<Bus::Impl> bus, const OrgId& org, const std::optional<Since>& since,
               async::Executor executor, std::function<void()> changed);

  std::shared_ptr<Bus::Impl> bus_;
  OrgId org_;
  std::uint64_t head_ = 0;
  bool resync_ = false;
  Bus::Ring* ring_ = nullptr;       // there while it has a reader
  std::uint64_t taken_ = 0;         // seq of the last frame taken
  std::uint64_t consumed_end_ = 0;  // byte position of the last frame sent
  std::shared_ptr<Waker> waker_;
};

}  // namespace voxanne::events
