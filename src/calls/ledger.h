// What one call has to have written, in order: each batch is retried until it is durable, and only
// then does its `after` run (an event is published after what it tells of is durable, never before).
// A database that is away holds up neither the call nor its records: behind the store stands the
// journal, and each batch is numbered, so that it takes effect once however often it is tried.
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
#include <memory>

namespace voxanne::calls {

class Ledger {
 public:
  using After = std::function<void()>;
  // For the log.
  struct Ids {
    std::string call, org, trace;
  };
  // What became of one batch.
  struct Ticket {
    explicit Ticket(async::Executor executor) : settled(executor) {}
    async::Event settled;  // durable or refused
    Result<> outcome;
  };

  Ledger(async::Executor executor, async::Clock& clock, store::Store& store, Ids ids);

  std::shared_ptr<Ticket> write(store::Batch batch, After after = {});
  // True once everything written so far is durable; false when the deadline passes first.
  async::Task<bool> flush(async::Deadline deadline);
  async::Task<> stop() { return tasks_.stop(); }
  std::size_t pending() const { return pending_; }

 private:
  struct Entry {
    store::Batch batch;
    After after;
    std::shared_ptr<Ticket> ticket;
  };
  async::Task<> drain();
  async::Task<Result<>> write_one(Entry& entry);

  async::Executor executor_;
  async::Clock& clock_;
  store::Store& store_;
  const Ids ids_;
  const std::string stream_;
  std::int64_t number_ = 0;
  async::Channel<Entry> entries_;
  async::Event idle_;
  std::size_t pending_ = 0;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::calls
