// What one call has to have written, in order: each batch is retried until it is durable, and only
// then does its `after` run (an event is published after its commit, never before). A database that
// is away holds up the call's records, not the call.
//
// Owner: the call's session. Executor: its shard. Bounded by the call's own length; a batch that the
// database refuses for good (conflict, internal) is logged with its statement and dropped, so that
// it cannot hold up what follows it.
#pragma once

#include "async/channel.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "store/store.h"

#include <functional>

namespace voxanne::calls {

class Ledger {
 public:
  using After = std::function<void()>;

  Ledger(async::Executor executor, async::Clock& clock, store::Store& store, std::string call_id);

  void write(store::Batch batch, After after = {});
  // True once everything written so far is durable; false when the deadline passes first.
  async::Task<bool> flush(async::Deadline deadline);
  async::Task<> stop() { return tasks_.stop(); }
  std::size_t pending() const { return pending_; }

 private:
  struct Entry {
    store::Batch batch;
    After after;
  };
  async::Task<> drain();
  async::Task<> write_one(Entry& entry);

  async::Clock& clock_;
  store::Store& store_;
  std::string call_id_;
  async::Channel<Entry> entries_;
  async::Event idle_;
  std::size_t pending_ = 0;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::calls
