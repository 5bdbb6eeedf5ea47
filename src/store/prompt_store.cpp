#include "store/prompt_store.h"

#include "async/event.h"

#include <boost/asio/detached.hpp>

#include <optional>

namespace voxanne::store {
namespace {

constexpr const char* unknown = "outcome_unknown";

// On the loop of whoever asked, who may have left when the answer comes.
struct Attempt {
  Attempt(async::Executor executor, std::shared_ptr<std::atomic<int>> count)
      : done(executor), unanswered(std::move(count)) {}
  async::Event done;  // answered, or waited for long enough
  std::optional<Result<>> outcome;
  const std::shared_ptr<std::atomic<int>> unanswered;
  bool given_up = false;
};

async::Task<> attempt_write(Store& database, Batch batch, std::shared_ptr<Attempt> attempt) {
  try {
    attempt->outcome = co_await database.write(std::move(batch));
  } catch (const std::exception& e) {
    if (async::is_cancellation(std::current_exception())) throw;
    attempt->outcome = internal("exception", e.what());
  }
  if (attempt->given_up) attempt->unanswered->fetch_sub(1, std::memory_order_relaxed);
  attempt->done.set();
}

std::shared_ptr<Attempt> begin(Store& database, Batch batch, async::Executor home,
                               std::shared_ptr<std::atomic<int>> unanswered) {
  auto attempt = std::make_shared<Attempt>(home, std::move(unanswered));
  async::asio::co_spawn(home, attempt_write(database, std::move(batch), attempt), async::asio::detached);
  return attempt;
}

}  // namespace

Error database_silent() {
  return {Fault::unavailable, "database_silent",
          "the database does not answer; nothing was changed, try again", ask_again_after};
}

bool is_outcome_unknown(const Error& error) {
  return error.kind == Fault::unavailable && error.code == unknown;
}

async::Task<Result<>> PromptStore::write(Batch batch) {
  if (is_silent()) co_return database_silent();
  co_return co_await follow_up(std::move(batch));
}

async::Task<Result<>> PromptStore::follow_up(Batch batch) {
  const async::Executor home = co_await async::asio::this_coro::executor;
  const auto attempt = begin(database_, std::move(batch), home, unanswered_);
  const auto patience = clock_.alarm(home, clock_.now() + patience_, [attempt] { attempt->done.set(); });
  co_await attempt->done.wait();
  if (attempt->outcome) co_return *attempt->outcome;
  attempt->given_up = true;
  unanswered_->fetch_add(1, std::memory_order_relaxed);
  co_return Error{Fault::unavailable, unknown,
                  "the database does not answer; this may be carried out all the same: look before you ask "
                  "again",
                  ask_again_after};
}

async::Task<> PromptStore::leave(Batch batch) {
  begin(database_, std::move(batch), co_await async::asio::this_coro::executor, unanswered_);
}

}  // namespace voxanne::store
