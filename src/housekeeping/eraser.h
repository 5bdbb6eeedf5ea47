// Erasure on request: a call, or a caller with everything that was ever recorded of them. Rows go first, in
// one batch with the receipt and with what is then owed outside the database; files and objects after it;
// the search index is rewritten in a round that takes out what was deleted.
//
//   erase_call      its rows ─▶ its files ─▶ search
//   erase_contact   the rows of some calls ─▶ of some more ─▶ … ─▶ the contact's own ─▶ files ─▶ search
//
// Whatever a crash, a call that runs or a store that is away leaves undone is in the receipt's row, with
// whose it is, and is done by resume(): from the first batch on, an erasure that was begun comes to its end.
// Calls that the caller begins before that go with it.
//
//   Eraser eraser{store, objects, workers, clock, {.spool = spool}};
//   const auto receipt = co_await eraser.erase_call(org, call, "usr_1");
//   if (receipt && !receipt->erasure.finished_at) …    // begun; the rest follows
//
// What nobody can reach: backups that were made before, and the database's write-ahead log until it is
// overwritten (within 4 MB of writes).
//
// Owner: app. Tasks run on the caller's loop, any number at once, of the same call or caller too. Errors, of
// what has not begun: not_found (call_not_found, contact_not_found), conflict (call_in_progress;
// recording_busy with retry_after), the store's.
#pragma once

#include "async/clock.h"
#include "async/worker_pool.h"
#include "housekeeping/leftovers.h"
#include "recordings/object_store.h"
#include "store/erasure.h"

#include <filesystem>
#include <functional>

namespace voxanne::housekeeping {

using store::Receipt;

struct EraserOptions {
  std::filesystem::path spool;
  Forget forget =
      nobody_remembers;  // told of each call once its rows are gone, or may be, for what memory holds
  // Told of each organization of whose knowledge the questions of a call were taken.
  std::function<void(const OrgId&)> knowledge_changed = [](const OrgId&) {};
  int calls_at_a_time = 50;  // in one batch
};

class Eraser {
 public:
  Eraser(store::Store& store, recordings::ObjectStore& objects, async::WorkerPool& workers,
         async::Clock& clock, EraserOptions options)
      : store_(store), objects_(objects), workers_(workers), clock_(clock), options_(std::move(options)) {}

  async::Task<Result<Receipt>> erase_call(OrgId org, CallId call, std::string requested_by);
  // A contact, and the calls, messages and appointments of its number.
  async::Task<Result<Receipt>> erase_contact(OrgId org, ContactId contact, std::string requested_by);

  // Goes on with all erasures that have begun; how many it has finished.
  async::Task<Result<std::int64_t>> resume();

 private:
  store::Erasure begin(const OrgId& org, const char* subject, std::string requested_by) const;
  // How many of them it has erased; others may be gone already.
  async::Task<Result<std::int64_t>> erase_rows(store::Erasure erasure,
                                               std::vector<store::ErasableCall> calls);
  async::Task<Result<>> erase_caller(store::Erasure erasure);
  // The call once its recording is not being stored just now.
  async::Task<Result<std::optional<store::ErasableCall>>> settled(OrgId org, store::ErasableCall call);
  // What is owed of it outside its rows, now; and what is known of it then.
  async::Task<Result<Receipt>> finish(store::Erasure erasure);
  async::Task<Result<Receipt>> finish_or_owe(store::Erasure erasure);
  async::Task<Result<bool>> merge_search(const store::Erasure& erasure);

  store::Store& store_;
  recordings::ObjectStore& objects_;
  async::WorkerPool& workers_;
  async::Clock& clock_;
  const EraserOptions options_;
};

}  // namespace voxanne::housekeeping
