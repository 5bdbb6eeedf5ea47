#include "events/bus.h"

#include "async/mutex.h"
#include "base/json_text.h"
#include "base/secret.h"
#include "base/unhandled.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace voxanne::events {
namespace {

struct Entry {
  Frame frame;
  SteadyTime at;
  std::uint64_t end;  // bytes of this organization's frames up to and including this one, ever
};

// What an allocation takes: a word besides, in steps of two (glibc's malloc).
constexpr std::size_t allocated(std::size_t bytes) {
  constexpr std::size_t word = sizeof(void*);
  return (bytes + word + 2 * word - 1) / (2 * word) * (2 * word);
}

// A frame's share of memory: its text, the string with its control block, and the ring's entry.
std::size_t cost(const Entry& entry) {
  constexpr std::size_t control_block = 16;
  return allocated(entry.frame->capacity() + 1) + allocated(control_block + sizeof(std::string)) +
         sizeof(Entry);
}

// A frame around its seq.
struct Envelope {
  explicit Envelope(const Event& event) {
    head.append(R"({"type":")").append(to_string(event.type)).append(R"(","seq":)");
    tail.append(R"(,"at":")");
    append_rfc3339(tail, event.at);
    tail.append(R"(","callId":)");
    if (event.call.empty())
      tail.append("null");
    else
      append_json_string(tail, event.call.str());
    tail.append(R"(,"data":)").append(event.data.empty() ? "{}" : event.data).push_back('}');
  }
  // Whether a frame is about a call, by its head: `quoted` is the call's id as JSON.
  static bool is_about(std::string_view frame, std::string_view quoted) {
    constexpr std::string_view field = R"(,"callId":)";
    const auto at = frame.find(field);
    return at != std::string_view::npos && frame.substr(at + field.size()).starts_with(quoted);
  }
  Frame with(std::uint64_t seq) const {
    auto text = std::make_shared<std::string>();
    text->reserve(head.size() + 20 + tail.size());
    text->append(head);
    append_json_int(*text, static_cast<std::int64_t>(seq));
    text->append(tail);
    return text;
  }
  std::string head, tail;
};

}  // namespace

// One organization's latest frames, and who reads them.
struct Bus::Ring {
  explicit Ring(std::uint64_t s) : seq(s) {}

  std::deque<Entry> entries;  // the last one has seq `seq`
  std::uint64_t seq;
  std::uint64_t end = 0;  // bytes ever published
  std::size_t bytes = 0;
  std::vector<std::shared_ptr<Subscription::Waker>> readers;

  std::uint64_t first_seq() const { return seq - entries.size() + 1; }
};

// The part of a subscription that publishers reach. What they write is under the bus's lock.
struct Subscription::Waker {
  Waker(OrgId o, async::Executor e, std::function<void()> c)
      : org(std::move(o)), executor(e), changed(std::move(c)) {}

  const OrgId org;
  const async::Executor executor;
  const std::function<void()> changed;  // called on the loop, while the subscription is there
  std::atomic<bool> overrun = false;
  std::atomic<bool> has_more = false;  // frames after the last one taken
  bool due = false;                    // in its bell's list
  std::uint64_t taken_end = 0;         // byte position of the last frame taken
  std::size_t place = 0;               // among the ring's readers
};

struct Bus::Impl : std::enable_shared_from_this<Bus::Impl> {
  // The readers of one loop that are to be called: one handler calls them all, in portions, so that an
  // event for ten thousand is published at once and lets other work of the loop in between.
  struct Bell {
    explicit Bell(async::Executor e) : executor(e) {}
    async::Executor executor;
    std::size_t readers = 0;  // on this loop; the last one takes the bell along
    std::deque<std::weak_ptr<Subscription::Waker>> due;
    bool ringing = false;
  };
  static constexpr std::size_t readers_at_a_time = 64;

  Impl(const async::Clock& c, Options o) : clock(c), options(o), epoch(to_hex(random_bytes(8))) {}

  const async::Clock& clock;
  const Options options;
  const std::string epoch;

  mutable async::Mutex mutex;
  std::unordered_map<OrgId, Ring> rings;
  std::list<Bell> bells;
  std::size_t bytes = 0;

  Ring& ring_of(const OrgId& org) { return rings.try_emplace(org, options.first_seq - 1).first->second; }

  std::list<Bell>::iterator bell_of(const async::Executor& executor) {
    return std::ranges::find(bells, executor, &Bell::executor);
  }

  void wake(const std::shared_ptr<Subscription::Waker>& reader) {
    if (reader->due) return;
    reader->due = true;
    Bell& bell = *bell_of(reader->executor);
    bell.due.push_back(reader);
    if (!std::exchange(bell.ringing, true)) post_ring(bell.executor);
  }

  void post_ring(const async::Executor& executor) {
    async::asio::post(executor, [self = shared_from_this(), executor] { self->ring(executor); });
  }

  void ring(const async::Executor& executor) {
    std::vector<std::weak_ptr<Subscription::Waker>> portion;
    {
      const std::scoped_lock lock{mutex};
      const auto bell = bell_of(executor);
      if (bell == bells.end()) return;
      const auto count = std::min(bell->due.size(), readers_at_a_time);
      const auto end = bell->due.begin() + static_cast<std::ptrdiff_t>(count);
      portion.assign(std::make_move_iterator(bell->due.begin()), std::make_move_iterator(end));
      bell->due.erase(bell->due.begin(), end);
      for (const auto& weak : portion)
        if (const auto reader = weak.lock()) reader->due = false;
      bell->ringing = !bell->due.empty();
      if (bell->ringing) post_ring(executor);
    }
    // One may end another's subscription, or its own.
    for (const auto& weak : portion)
      if (const auto reader = weak.lock()) try {
          reader->changed();
        } catch (const std::exception&) {  // not the others' fault
          log::unhandled("events.reader_failed", std::current_exception(), {{"orgId", reader->org.str()}});
        }
  }

  void drop_oldest(Ring& ring) {
    const std::size_t size = cost(ring.entries.front());
    ring.bytes -= size;
    bytes -= size;
    ring.entries.pop_front();
  }

  void trim(Ring& ring, SteadyTime now) {
    while (ring.entries.size() > options.keep_events && ring.entries.front().at + options.keep_for < now)
      drop_oldest(ring);
    while (bytes > options.max_bytes) {
      const auto largest = std::max_element(rings.begin(), rings.end(), [](const auto& a, const auto& b) {
        return a.second.bytes < b.second.bytes;
      });
      // An eighth at a time, so that finding the largest is paid once for many frames.
      const std::size_t target = largest->second.bytes - largest->second.bytes / 8;
      while (largest->second.entries.size() > 1 && largest->second.bytes > target)
        drop_oldest(largest->second);
      find_overrun(largest->second);
      if (largest->second.entries.size() <= 1) break;
    }
  }

  void append(Ring& ring, Frame frame, SteadyTime now) {
    ++ring.seq;
    ring.end += frame->size();
    ring.entries.push_back({std::move(frame), now, ring.end});
    ring.bytes += cost(ring.entries.back());
    bytes += cost(ring.entries.back());
    trim(ring, now);
    find_overrun(ring);
    for (const auto& reader : ring.readers) {
      reader->has_more.store(true, std::memory_order_relaxed);
      wake(reader);
    }
  }

  void find_overrun(Ring& ring) {
    const std::uint64_t oldest =
        ring.entries.empty() ? ring.end : ring.entries.front().end - ring.entries.front().frame->size();
    for (const auto& reader : ring.readers)
      if (reader->taken_end < oldest && !reader->overrun.exchange(true)) wake(reader);
  }
};

std::string_view to_string(EventType type) {
  switch (type) {
    case EventType::call_started:
      return "call.started";
    case EventType::call_updated:
      return "call.updated";
    case EventType::call_ended:
      return "call.ended";
    case EventType::transcript_partial:
      return "transcript.partial";
    case EventType::transcript_final:
      return "transcript.final";
    case EventType::message_taken:
      return "message.taken";
    case EventType::recording_ready:
      return "recording.ready";
    case EventType::recording_failed:
      return "recording.failed";
    case EventType::knowledge_updated:
      return "knowledge.updated";
    case EventType::gap_opened:
      return "gap.opened";
    case EventType::stats_updated:
      return "stats.updated";
    case EventType::provider_health:
      return "provider.health";
  }
  return "call.updated";
}

Bus::Bus(const async::Clock& clock) : Bus(clock, Options{}) {}
Bus::Bus(const async::Clock& clock, Options options) : impl_(std::make_shared<Impl>(clock, options)) {}
Bus::~Bus() = default;

const std::string& Bus::epoch() const noexcept { return impl_->epoch; }

std::uint64_t Bus::publish(const Event& event) {
  const Envelope envelope{event};
  const SteadyTime now = impl_->clock.now();
  const std::scoped_lock lock{impl_->mutex};
  auto& ring = impl_->ring_of(event.org);
  impl_->append(ring, envelope.with(ring.seq + 1), now);
  return ring.seq;
}

void Bus::publish_to_all(const Event& event) {
  const Envelope envelope{event};
  const SteadyTime now = impl_->clock.now();
  const std::scoped_lock lock{impl_->mutex};
  for (auto& [org, ring] : impl_->rings) impl_->append(ring, envelope.with(ring.seq + 1), now);
}

void Bus::forget(const OrgId& org, const CallId& call) {
  std::string quoted;
  append_json_string(quoted, call.str());
  const std::scoped_lock lock{impl_->mutex};
  const auto found = impl_->rings.find(org);
  if (found == impl_->rings.end()) return;
  Ring& ring = found->second;
  std::size_t going = ring.entries.size();
  while (going > 0 && !Envelope::is_about(*ring.entries[going - 1].frame, quoted)) --going;
  for (; going > 0; --going) impl_->drop_oldest(ring);
  impl_->find_overrun(ring);
}

std::unique_ptr<Subscription> Bus::subscribe(const OrgId& org, const std::optional<Since>& since,
                                             async::Executor executor, std::function<void()> changed) {
  return std::unique_ptr<Subscription>{new Subscription{impl_, org, since, executor, std::move(changed)}};
}

std::size_t Bus::bytes() const {
  const std::scoped_lock lock{impl_->mutex};
  return impl_->bytes;
}

Subscription::Subscription(std::shared_ptr<Bus::Impl> bus, const OrgId& org,
                           const std::optional<Since>& since, async::Executor executor,
                           std::function<void()> changed)
    : bus_(std::move(bus)), org_(org), waker_(std::make_shared<Waker>(org, executor, std::move(changed))) {
  const std::scoped_lock lock{bus_->mutex};
  auto bell = bus_->bell_of(executor);
  if (bell == bus_->bells.end()) bell = bus_->bells.emplace(bus_->bells.end(), executor);
  ++bell->readers;
  ring_ = &bus_->ring_of(org_);
  head_ = taken_ = ring_->seq;
  waker_->taken_end = consumed_end_ = ring_->end;
  if (since) {
    const bool same_epoch = since->epoch.empty() || since->epoch == bus_->epoch;
    const std::uint64_t seq = since->seq == 0 ? bus_->options.first_seq - 1 : since->seq;
    // Whoever saw up to seq n misses nothing while n + 1 is still in the ring.
    resync_ = !same_epoch || seq > ring_->seq || seq + 1 < ring_->first_seq();
    if (!resync_) taken_ = seq;
  }
  if (taken_ < ring_->seq) {
    // What is replayed is no backlog: only what is published from now on counts against the reader.
    const auto& next = ring_->entries[taken_ + 1 - ring_->first_seq()];
    waker_->taken_end = next.end - next.frame->size();
    waker_->has_more = true;
    bus_->wake(waker_);
  }
  waker_->place = ring_->readers.size();
  ring_->readers.push_back(waker_);
}

Subscription::~Subscription() {
  const std::scoped_lock lock{bus_->mutex};
  auto& readers = ring_->readers;
  readers.back()->place = waker_->place;
  std::swap(readers[waker_->place], readers.back());
  readers.pop_back();
  const auto bell = bus_->bell_of(waker_->executor);
  if (--bell->readers == 0) bus_->bells.erase(bell);
  if (readers.empty() && ring_->seq + 1 == bus_->options.first_seq) bus_->rings.erase(org_);
}

bool Subscription::has_more() const noexcept { return waker_->has_more.load(std::memory_order_relaxed); }

std::vector<Frame> Subscription::take(std::size_t max_bytes) {
  std::vector<Frame> frames;
  const std::scoped_lock lock{bus_->mutex};
  if (waker_->overrun) return frames;
  std::size_t bytes = 0;
  while (taken_ < ring_->seq) {
    const auto& entry = ring_->entries[taken_ + 1 - ring_->first_seq()];
    if (!frames.empty() && bytes + entry.frame->size() > max_bytes) break;
    bytes += entry.frame->size();
    frames.push_back(entry.frame);
    waker_->taken_end = entry.end;
    ++taken_;
  }
  waker_->has_more.store(taken_ < ring_->seq, std::memory_order_relaxed);
  return frames;
}

// Nobody else moves what was taken, so reading it takes no lock.
void Subscription::consumed() { consumed_end_ = std::max(consumed_end_, waker_->taken_end); }

bool Subscription::far_behind() const {
  const std::scoped_lock lock{bus_->mutex};
  return ring_->end - consumed_end_ > bus_->options.max_behind;
}

bool Subscription::overrun() const noexcept { return waker_->overrun; }

}  // namespace voxanne::events
