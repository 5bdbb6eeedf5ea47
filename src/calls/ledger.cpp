#include "calls/ledger.h"

#include "async/backoff.h"
#include "async/wait.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/unhandled.h"

#include <limits>
#include <random>

namespace voxanne::calls {

Ledger::Ledger(async::Executor executor, async::Clock& clock, store::Store& store, Ids ids)
    : executor_(executor),
      clock_(clock),
      store_(store),
      ids_(std::move(ids)),
      stream_(make_ulid()),
      entries_(executor, std::numeric_limits<std::size_t>::max()),
      idle_(executor),
      tasks_(executor, "calls.ledger") {
  idle_.set();
  tasks_.spawn(drain());
}

std::shared_ptr<Ledger::Ticket> Ledger::write(store::Batch batch, After after) {
  batch.once = store::Batch::Once{stream_, ++number_};
  auto ticket = std::make_shared<Ticket>(executor_);
  static_cast<void>(entries_.try_push({std::move(batch), std::move(after), ticket}));  // unbounded
  ++pending_;
  idle_.reset();
  return ticket;
}

async::Task<bool> Ledger::flush(async::Deadline deadline) {
  co_return co_await async::wait_until(clock_, deadline, idle_);
}

async::Task<> Ledger::drain() {
  while (auto entry = co_await entries_.pop()) {
    entry->ticket->outcome = co_await write_one(*entry);
    if (entry->ticket->outcome && entry->after) try {
        entry->after();
      } catch (const std::exception&) {  // what follows is to be written all the same
        log::unhandled("call.record_not_told", std::current_exception(),
                       {{"callId", ids_.call}, {"orgId", ids_.org}, {"traceId", ids_.trace}});
      }
    entry->ticket->settled.set();
    if (--pending_ == 0) idle_.set();
  }
}

async::Task<Result<>> Ledger::write_one(Entry& entry) {
  static constexpr async::Backoff backoff{200ms, 5s};
  std::minstd_rand random{std::random_device{}()};
  for (int attempt = 0;; ++attempt) {
    const auto written = co_await store_.write(entry.batch);
    if (written) co_return written;
    const Error& error = written.error();
    if (error.kind != Fault::unavailable && error.kind != Fault::timed_out) {
      log::error("call.record_refused",
                 {{"callId", ids_.call},
                  {"orgId", ids_.org},
                  {"traceId", ids_.trace},
                  {"statement", entry.batch.steps.empty() ? "" : entry.batch.steps.front().statement->name},
                  {"code", error.code},
                  {"error", error.message}});
      co_return written;
    }
    if (attempt == 0)
      log::warning("call.record_waits", {{"callId", ids_.call},
                                         {"orgId", ids_.org},
                                         {"traceId", ids_.trace},
                                         {"code", error.code},
                                         {"error", error.message}});
    co_await clock_.sleep_for(backoff.wait(attempt, random));
  }
}

}  // namespace voxanne::calls
