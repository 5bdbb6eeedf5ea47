#include "knowledge/vector_cache.h"

#include "async/wait.h"
#include "base/log.h"
#include "store/embeddings.h"

#include <algorithm>

namespace voxanne::knowledge {

VectorCache::VectorCache(async::Executor executor, store::Store& store, async::Clock& clock, Options options)
    : executor_(executor),
      store_(store),
      clock_(clock),
      options_(options),
      tasks_(executor, "vector-cache") {}

async::Task<std::shared_ptr<const VectorIndex>> VectorCache::of(OrgId org, async::Deadline deadline) {
  const auto version = co_await store::knowledge_version(store_, org);
  if (!version || *version == 0) co_return nullptr;
  const auto here = co_await async::asio::this_coro::executor;
  const auto read = std::make_shared<async::Event>(here);
  std::shared_ptr<const VectorIndex> index;
  bool return_now = false;
  {
    const std::lock_guard lock{mutex_};
    Entry& entry = entries_[org.str()];
    entry.asked_at = clock_.now();
    index = entry.index;
    const bool old = !index || index->version() != *version;
    // One that holds nothing is no better than none, until it is known that there is nothing.
    if (index && old && index->size() == 0) index = nullptr;
    const bool due = !entry.index || clock_.now() - entry.read_at >= options_.between_reads;
    if (!index && !due && !entry.reading) return_now = true;
    if (!index && !return_now)
      entry.waiters.push_back([here, read] { async::asio::post(here, [read] { read->set(); }); });
    if (old && due && !entry.reading) {
      entry.reading = true;
      async::asio::post(executor_, [this, org] { tasks_.spawn(this->read(org)); });
    }
  }
  if (index || return_now) co_return index;
  if (!co_await async::wait_until(clock_, deadline, *read)) co_return nullptr;
  const std::lock_guard lock{mutex_};
  co_return entries_[org.str()].index;
}

async::Task<> VectorCache::read(OrgId org) {
  // Before the vectors: what changes while they are read is read again.
  const auto version = co_await store::knowledge_version(store_, org);
  auto index = std::make_shared<VectorIndex>(version.has_value() ? *version : 0);
  std::size_t left_out = 0;
  bool too_large = false;
  Result<> visited;
  if (!version)
    visited = version.error();
  else
    visited = co_await store::visit_vectors(
        store_, org, [&](std::int64_t chunk, std::string_view model, std::string_view vector) {
          too_large = too_large || index->bytes() + vector.size() > options_.max_bytes_each;
          if (!too_large && !index->add(chunk, model, vector)) ++left_out;
        });
  if (!visited)
    log::warning("knowledge.vectors_unread", {{"orgId", org.str()}, {"code", visited.error().code}});
  if (left_out > 0) log::error("knowledge.vectors_broken", {{"orgId", org.str()}, {"vectors", left_out}});
  if (too_large) {
    log::warning("knowledge.vectors_too_many",
                 {{"orgId", org.str()},
                  {"notice",
                   "this organization has more passages than are searched by meaning; it is "
                   "searched by words"}});
    index = std::make_shared<VectorIndex>(*version);
  }
  keep(org, visited ? std::move(index) : nullptr);
}

void VectorCache::keep(const OrgId& org, std::shared_ptr<const VectorIndex> index) {
  std::vector<std::function<void()>> waiters;
  {
    const std::lock_guard lock{mutex_};
    Entry& entry = entries_[org.str()];
    entry.reading = false;
    entry.read_at = clock_.now();
    if (index) entry.index = std::move(index);
    waiters = std::exchange(entry.waiters, {});
    make_room(org.str());
  }
  for (const auto& wake : waiters) wake();
}

// Under the mutex.
void VectorCache::make_room(const std::string& except) {
  const auto total = [&] {
    std::size_t sum = 0;
    for (const auto& [org, entry] : entries_) sum += entry.index ? entry.index->bytes() : 0;
    return sum;
  };
  while (total() > options_.max_bytes) {
    auto oldest = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry)
      if (entry->first != except && entry->second.index && !entry->second.reading &&
          (oldest == entries_.end() || entry->second.asked_at < oldest->second.asked_at))
        oldest = entry;
    if (oldest == entries_.end()) return;
    entries_.erase(oldest);
  }
}

std::size_t VectorCache::bytes() const {
  const std::lock_guard lock{mutex_};
  std::size_t sum = 0;
  for (const auto& [org, entry] : entries_) sum += entry.index ? entry.index->bytes() : 0;
  return sum;
}

}  // namespace voxanne::knowledge
