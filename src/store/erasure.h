// Removing a call, or a caller, with all that was recorded in rows, for good; and the receipts of it.
// Statistics by the hour outlive it: they name nobody.
#pragma once

#include "store/calls.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne::store {

// What a call leaves behind when its time is over and nobody asked for its erasure.
enum class Keep {
  nothing,
  open_messages,  // a message that nobody has dealt with is a promise
};

// The call with its transcript, log, upload row and search entry, its messages and gaps, and the answers
// that were kept for idempotency keys and tell of it; an appointment stays and forgets its call. A conflict
// while the call runs, or its recording is on its way into the object store.
void erase_call_records(Batch& batch, const CallKey& call, Keep keep);
// Before it, for a recording that waits: it will not be stored any more. A conflict when it does not wait.
void withdraw_upload(Batch& batch, const CallKey& call);

// A contact, its appointments, and the messages that name its number.
void erase_contact(Batch& batch, const OrgId& org, const ContactId& contact, const std::string& number);
async::Task<Result<std::optional<std::string>>> contact_number(Store& store, OrgId org, ContactId contact);

struct ErasableCall {
  CallId id;
  bool running = false;
  domain::RecordingStatus recording = domain::RecordingStatus::none;
  std::int64_t turns = 0, log_lines = 0, messages = 0;
};
async::Task<Result<std::optional<ErasableCall>>> find_erasable(Store& store, CallKey call);
// Some of the caller's, by contact or by number (either may be empty); none when there are no more.
async::Task<Result<std::vector<ErasableCall>>> calls_of_contact(Store& store, OrgId org, ContactId contact,
                                                                std::string number, int limit);

// ── Receipts ───────────────────────────────────────────────────────────────────────────────────

struct Erasure {
  std::string id;
  OrgId org;
  std::string subject;  // call, contact
  std::string requested_by;
  UtcTime requested_at{};
  std::optional<UtcTime> finished_at{};
  std::string removed = "{}";
};
struct ErasureFile {
  CallId call;
  std::string object_key;
};
// Creates or replaces it.
void put_erasure(Batch& batch, const Erasure& erasure);
void owe_file(Batch& batch, const Erasure& erasure, const ErasureFile& file);
void file_removed(Batch& batch, const Erasure& erasure, const ErasureFile& file);
// Oldest first.
async::Task<Result<std::vector<Erasure>>> open_erasures(Store& store, int limit);
async::Task<Result<std::vector<ErasureFile>>> owed_files(Store& store, std::string erasure, int limit);

// ── What the search index still holds of deleted calls ─────────────────────────────────────────

// FTS5 keeps deleted terms until its segments are merged into one. Each such batch merges some pages, and
// notes on the receipt when that was the last of them (other calls are entered between two batches).
void merge_call_search(Batch& batch, const Erasure& erasure, UtcTime at);
async::Task<Result<bool>> search_is_merged(Store& store, std::string erasure);

}  // namespace voxanne::store
