#include "events/bus.h"

#include "async/mutex.h"
#include "base/json_text.h"
#include "base/secret.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <unordered_map>

namespace voxanne::events {
namespace {

struct Entry {
  Frame frame;
  SteadyTime at;
  std::uint64_t end;  // bytes of this organization's frames up to and including this one, ever
};

// A frame's share of memory: its text, the string, its control block and the ring's entry.
std::size_t cost(const Entry& entry) {
  return entry.frame->size() + sizeof(std::string) + 32 + sizeof(Entry);
}

}  // namespace

// The part of a subscription that publishers reach: they hold the bus's lock, the reader's loop
// resumes by a posted handler that holds it weakly.
struct Subscription::Waker : std::enable_shared_from_this<Subscription::Waker> {
  Waker(async::Executor e, async::Event& c) : executor(e), changed(c) {}

  void wake() {
    if (posted) return;
    posted = true;
    async::asio::post(executor, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->changed.set();
    });
  }
  void mark_overrun() {
    if (overrun.exchange(true)) return;
    posted = false;  // it may be sending what it took, and would not look before that is done
    wake();
  }

  async::Executor executor;
  async::Event& changed;  // reader's loop; there while the subscription holds this
  std::atomic<bool> overrun = false;
  bool posted = false;             // under the lock: a wake-up is on its way
  std::uint64_t taken_end = 0;     // under the lock: byte position of the last frame taken
  std::uint64_t consumed_end = 0;  // under the lock: byte position of the last frame sent
};

struct Bus::Impl {
  struct Ring {
    std::deque<Entry> entries;  // the last one has seq `seq`
    std::uint64_t seq = 0;
    std::uint64_t end = 0;  // bytes ever published
    std::size_t bytes = 0;
    std::vector<std::shared_ptr<Subscription::Waker>> readers;

    std::uint64_t first_seq() const { return seq - entries.size() + 1; }
  };

  Impl(const async::Clock& c, Options o) : clock(c), options(o), epoch(to_hex(random_bytes(8))) {}

  const async::Clock& clock;
  const Options options;
  const std::string epoch;

  mutable async::Mutex mutex;
  std::unordered_map<OrgId, Ring> rings;
  std::size_t bytes = 0;

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

  void find_overrun(Ring& ring) {
    const std::uint64_t oldest =
        ring.entries.empty() ? ring.end : ring.entries.front().end - ring.entries.front().frame->size();
    for (const auto& reader : ring.readers) {
      if (ring.end - reader->consumed_end <= options.max_behind && reader->taken_end >= oldest) continue;
      reader->mark_overrun();
    }
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
  std::string head = R"({"type":")";
  head.append(to_string(event.type)).append(R"(","seq":)");
  std::string tail = R"(,"at":")";
  append_rfc3339(tail, event.at);
  tail.append(R"(","callId":)");
  if (event.call.empty())
    tail.append("null");
  else
    append_json_string(tail, event.call.str());
  tail.append(R"(,"data":)").append(event.data.empty() ? "{}" : event.data).push_back('}');

  const SteadyTime now = impl_->clock.now();
  const std::scoped_lock lock{impl_->mutex};
  auto& ring = impl_->rings[event.org];
  ++ring.seq;
  auto text = std::make_shared<std::string>();
  text->reserve(head.size() + 20 + tail.size());
  text->append(head);
  append_json_int(*text, static_cast<std::int64_t>(ring.seq));
  text->append(tail);

  ring.end += text->size();
  ring.entries.push_back({std::move(text), now, ring.end});
  ring.bytes += cost(ring.entries.back());
  impl_->bytes += cost(ring.entries.back());
  impl_->trim(ring, now);
  impl_->find_overrun(ring);
  for (const auto& reader : ring.readers) reader->wake();
  return ring.seq;
}

std::unique_ptr<Subscription> Bus::subscribe(const OrgId& org, const std::optional<Since>& since,
                                             async::Executor executor, async::Event& changed) {
  return std::unique_ptr<Subscription>{new Subscription{impl_, org, since, executor, changed}};
}

std::size_t Bus::bytes() const {
  const std::scoped_lock lock{impl_->mutex};
  return impl_->bytes;
}

Subscription::Subscription(std::shared_ptr<Bus::Impl> bus, const OrgId& org,
                           const std::optional<Since>& since, async::Executor executor, async::Event& changed)
    : bus_(std::move(bus)), org_(org), waker_(std::make_shared<Waker>(executor, changed)) {
  const std::scoped_lock lock{bus_->mutex};
  auto& ring = bus_->rings[org_];
  head_ = taken_ = ring.seq;
  waker_->taken_end = waker_->consumed_end = ring.end;
  if (since) {
    const bool same_epoch = since->epoch.empty() || since->epoch == bus_->epoch;
    // Whoever saw up to seq n misses nothing while n + 1 is still in the ring.
    resync_ = !same_epoch || since->seq > ring.seq || since->seq + 1 < ring.first_seq();
    if (!resync_) taken_ = since->seq;
  }
  if (taken_ < ring.seq) {
    // What is replayed is no backlog: only what is published from now on counts against the reader.
    const auto& next = ring.entries[taken_ + 1 - ring.first_seq()];
    waker_->taken_end = next.end - next.frame->size();
    waker_->wake();
  }
  ring.readers.push_back(waker_);
}

Subscription::~Subscription() {
  const std::scoped_lock lock{bus_->mutex};
  const auto found = bus_->rings.find(org_);
  auto& ring = found->second;
  std::erase(ring.readers, waker_);
  if (ring.readers.empty() && ring.seq == 0) bus_->rings.erase(found);
}

std::vector<Frame> Subscription::take(std::size_t max_bytes) {
  std::vector<Frame> frames;
  const std::scoped_lock lock{bus_->mutex};
  waker_->posted = false;
  if (waker_->overrun) return frames;
  const auto& ring = bus_->rings.find(org_)->second;
  std::size_t bytes = 0;
  while (taken_ < ring.seq) {
    const auto& entry = ring.entries[taken_ + 1 - ring.first_seq()];
    if (!frames.empty() && bytes + entry.frame->size() > max_bytes) break;
    bytes += entry.frame->size();
    frames.push_back(entry.frame);
    waker_->taken_end = entry.end;
    ++taken_;
  }
  return frames;
}

void Subscription::consumed() {
  const std::scoped_lock lock{bus_->mutex};
  waker_->consumed_end = std::max(waker_->consumed_end, waker_->taken_end);
}

bool Subscription::overrun() const noexcept { return waker_->overrun; }

}  // namespace voxanne::events
