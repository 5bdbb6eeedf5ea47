// The database for whoever must not wait for ever: a write that is not answered within `patience` is told
// as unknown, and goes on. From then until it is answered nothing new is begun, so that what is asked again
// meanwhile is not carried out several times afterwards.
//
//   write ─▶ database ─▶ answer
//              │ nothing for `patience`
//              ▼
//           outcome_unknown; others: database_silent, at once ─ ─ the late answer ─ ─▶ as before
//
// Reads are the database's own: SQLite's do not wait for its writer. Lifecycle: as long as whoever asks;
// what still waits for the database keeps nothing of this, and is answered by the database's stop() at the
// latest. Owner: app. All of it on any loop.
#pragma once

#include "async/clock.h"
#include "store/store.h"

#include <atomic>
#include <memory>

namespace voxanne::store {

// How soon whoever was turned away is to come back.
inline constexpr seconds ask_again_after{5};
// Nothing was changed. Error: unavailable (database_silent), with retry_after.
Error database_silent();
// Errors of write(): what was asked may be carried out all the same.
bool is_outcome_unknown(const Error& error);

class PromptStore final : public Store {
 public:
  static constexpr milliseconds default_patience{5'000};

  PromptStore(Store& database, async::Clock& clock, milliseconds patience = default_patience)
      : database_(database), clock_(clock), patience_(patience) {}

  async::Task<Result<>> read(const Statement& statement, std::vector<Value> values,
                             RowVisitor visit) override {
    return database_.read(statement, std::move(values), std::move(visit));
  }
  // Besides the database's errors: unavailable (database_silent, outcome_unknown), with retry_after. A
  // cancelled asker does not wait; the write goes on.
  async::Task<Result<>> write(Batch batch) override;
  // What concludes an earlier write: is given to the database behind it, also while that is not answered.
  async::Task<Result<>> follow_up(Batch batch);
  // The same, and nobody waits for what comes of it.
  async::Task<> leave(Batch batch);
  // Whether a write was given up that has no answer yet.
  bool is_silent() const { return unanswered_->load(std::memory_order_relaxed) > 0; }

 private:
  Store& database_;
  async::Clock& clock_;
  const milliseconds patience_;
  // Writes that were given up and have no answer yet.
  const std::shared_ptr<std::atomic<int>> unanswered_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace voxanne::store
