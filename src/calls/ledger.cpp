#include "calls/ledger.h"

#include "async/backoff.h"
#include "async/wait.h"
#include "base/log.h"

#include <limits>
#include <random>

namespace voxanne::calls {

Ledger::Ledger(async::Executor executor, async::Clock& clock, store::Store& store, std::string call_id)
    : clock_(clock),
      store_(store),
      call_id_(std::move(call_id)),
      entries_(executor, std::numeric_limits<std::size_t>::max()),
      idle_(executor),
      tasks_(executor, "calls.ledger") {
  idle_.set();
  tasks_.spawn(drain());
}

void Ledger::write(store::Batch batch, After after) {
  if (!entries_.try_push({std::move(batch), std::move(after)})) return;
  ++pending_;
  idle_.reset();
}

async::Task<bool> Ledger::flush(async::Deadline deadline) {
  co_return co_await async::wait_until(clock_, deadline, idle_);
}

async::Task<> Ledger::drain() {
  while (auto entry = co_await entries_.pop()) {
    co_await write_one(*entry);
    if (--pending_ == 0) idle_.set();
  }
}

async::Task<> Ledger::write_one(Entry& entry) {
  static constexpr async::Backoff backoff{200ms, 5s};
  std::minstd_rand random{std::random_device{}()};
  for (int attempt = 0;; ++attempt) {
    const auto written = co_await store_.write(entry.batch);
    // An unavailable store may have applied the batch all the same: then the next try contradicts it.
    if (written || (attempt > 0 && written.error().kind == Fault::conflict)) {
      if (entry.after) entry.after();
      co_return;
    }
    const Error& error = written.error();
    if (error.kind != Fault::unavailable && error.kind != Fault::timed_out) {
      log::error("call.record_refused",
                 {{"callId", call_id_},
                  {"statement", entry.batch.steps.empty() ? "" : entry.batch.steps.front().statement->name},
                  {"code", error.code},
                  {"error", error.message}});
      co_return;
    }
    if (attempt == 0)
      log::warning("call.record_waits",
                   {{"callId", call_id_}, {"code", error.code}, {"error", error.message}});
    co_await clock_.sleep_for(backoff.wait(attempt, random));
  }
}

}  // namespace voxanne::calls
