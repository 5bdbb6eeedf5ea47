#include "store/prompt_store.h"

#include "async/wait.h"

#include <boost/asio/detached.hpp>

namespace voxanne::store {
namespace {

constexpr const char* unknown = "outcome_unknown";

// On the loop of whoever asked, who may have left when the answer comes.
struct Attempt {
  Attempt(async::Executor executor, std::shared_ptr<std::atomic<int>> count)
      : answered(executor), unanswered(std::move(count)) {}
  async::Event answered;
  Result<> outcome;
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
  attempt->answered.set();
}

}  // namespace

Error database_silent() {
  return unavailable("database_silent", "the database does not answer; nothing was changed, try again");
}

bool is_outcome_unknown(const Error& error) { return error.code == unknown; }

async::Task<Result<>> PromptStore::write(Batch batch) {
  if (unanswered_->load(std::memory_order_relaxed) > 0) co_return database_silent();
  co_return co_await follow_up(std::move(batch));
}

async::Task<Result<>> PromptStore::follow_up(Batch batch) {
  const async::Executor home = co_await async::asio::this_coro::executor;
  const auto attempt = std::make_shared<Attempt>(home, unanswered_);
  async::asio::co_spawn(home, attempt_write(database_, std::move(batch), attempt), async::asio::detached);
  const auto patience = async::Deadline::after(clock_, patience_);
  if (co_await async::wait_until(clock_, patience, attempt->answered)) co_return attempt->outcome;
  attempt->given_up = true;
  unanswered_->fetch_add(1, std::memory_order_relaxed);
  co_return unavailable(unknown,
                        "the database does not answer; this may be carried out all the same: look before "
                        "you ask again");
}

}  // namespace voxanne::store
