// The vector indexes of the organizations that are being asked about, in bounded memory: those not asked for
// longest give way. An index is read from the store in the background, never on the asker's loop, and goes on
// serving while its successor is read.
//
//   const auto index = co_await cache.of(org, deadline);   // null: not there in time, or too large
//
// Owner: app. Executor: the one given reads; of() may be asked on any loop.
#pragma once

#include "async/clock.h"
#include "async/deadline.h"
#include "async/event.h"
#include "async/mutex.h"
#include "async/task_group.h"
#include "base/ids.h"
#include "knowledge/vector_index.h"
#include "store/store.h"

#include <functional>
#include <map>
#include <memory>

namespace voxanne::knowledge {

class VectorCache {
 public:
  struct Options {
    std::size_t max_bytes = 256u << 20;       // of all together
    std::size_t max_bytes_each = 128u << 20;  // 20,000 passages of 1,536 dimensions; over: words only
    milliseconds between_reads{1'000};        // of one organization, while it is being embedded
  };

  VectorCache(async::Executor executor, store::Store& store, async::Clock& clock)
      : VectorCache(executor, store, clock, Options{}) {}
  VectorCache(async::Executor executor, store::Store& store, async::Clock& clock, Options options);

  // The newest there is now; one of an older version rather than none. The first time of an organization it
  // waits for the reading, at most until the deadline.
  async::Task<std::shared_ptr<const VectorIndex>> of(OrgId org, async::Deadline deadline);
  std::size_t bytes() const;
  async::Task<> stop() { return tasks_.stop(); }

 private:
  struct Entry {
    std::shared_ptr<const VectorIndex> index;
    bool reading = false;
    SteadyTime read_at{}, asked_at{};
    std::vector<std::function<void()>> waiters;  // for the first reading
  };

  async::Task<> read(OrgId org);
  void keep(const OrgId& org, std::shared_ptr<const VectorIndex> index);
  void make_room(const std::string& except);

  async::Executor executor_;
  store::Store& store_;
  async::Clock& clock_;
  const Options options_;
  mutable async::Mutex mutex_;  // asked from media shards too
  std::map<std::string, Entry> entries_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::knowledge
