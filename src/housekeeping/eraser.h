// Erasure on request: a call, or a caller with everything that was ever recorded of them. Rows go first, in
// one batch with the receipt and with what is then owed outside the database; files and objects after it;
// the search index is rewritten in a round that takes out what was deleted. Whatever a crash or a store that
// is away leaves undone is in the receipt's row, and is done by resume().
//
//   Eraser eraser{store, objects, workers, clock, spool};
//   const auto receipt = co_await eraser.erase_call(org, call, "usr_1");
//   if (receipt && !receipt->erasure.finished_at) …    // done as far as the database goes; the rest follows
//
// What nobody can reach: backups that were made before, and the database's write-ahead log until it is
// overwritten (within 4 MB of writes).
//
// Owner: app. Tasks run on the caller's loop, any number at once. Errors: not_found (call_not_found,
// contact_not_found), conflict (call_in_progress; recording_busy with retry_after), the store's.
#pragma once

#include "async/clock.h"
#include "async/worker_pool.h"
#include "housekeeping/leftovers.h"
#include "recordings/object_store.h"
#include "store/erasure.h"

#include <filesystem>

namespace voxanne::housekeeping {

struct Receipt {
  store::Erasure erasure;
  bool files_removed = false, search_merged = false;
};

class Eraser {
 public:
  // `forget`: told of each call once its rows are gone, or may be, for what is held of it in memory.
  Eraser(store::Store& store, recordings::ObjectStore& objects, async::WorkerPool& workers,
         async::Clock& clock, std::filesystem::path spool, Forget forget = nobody_remembers)
      : store_(store),
        objects_(objects),
        workers_(workers),
        clock_(clock),
        spool_(std::move(spool)),
        forget_(std::move(forget)) {}

  async::Task<Result<Receipt>> erase_call(OrgId org, CallId call, std::string requested_by);
  // A contact, and the calls, messages and appointments of its number.
  async::Task<Result<Receipt>> erase_contact(OrgId org, ContactId contact, std::string requested_by);

  // Finishes what is owed, of all erasures; how many it has finished.
  async::Task<Result<std::int64_t>> resume();

 private:
  struct Counts {
    std::int64_t calls = 0, turns = 0, log_lines = 0, messages = 0, recordings = 0, contacts = 0;
  };
  store::Erasure begin(const OrgId& org, const char* subject, std::string requested_by) const;
  async::Task<Result<>> erase_rows(store::Erasure& erasure, std::vector<store::ErasableCall> calls,
                                   Counts& counts);
  // The call once its recording is not being stored just now.
  async::Task<Result<std::optional<store::ErasableCall>>> settled(OrgId org, store::ErasableCall call);
  async::Task<Result<Receipt>> finish(store::Erasure erasure);
  async::Task<Result<Receipt>> finish_or_owe(store::Erasure erasure);
  async::Task<Result<bool>> merge_search(const store::Erasure& erasure);

  store::Store& store_;
  recordings::ObjectStore& objects_;
  async::WorkerPool& workers_;
  async::Clock& clock_;
  const std::filesystem::path spool_;
  const Forget forget_;
};

}  // namespace voxanne::housekeeping
