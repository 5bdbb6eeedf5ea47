// Removing a call, or a caller, with all that was recorded in rows, for good; and the receipts of it.
// Statistics by the hour outlive it: they name nobody.
#pragma once

#include "store/calls.h"
#include "store/key_page.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne::store {

// What a call leaves behind when its time is over and nobody asked for its erasure.
enum class Keep {
  nothing,
  open_messages,  // a message that nobody has dealt with is a promise
};

// The call with its transcript, log, upload row and search entry, its messages and gaps, what is told outward
// of it, and the answers that were kept for idempotency keys and tell of it; an appointment stays and forgets
// its call. Knowledge that answers its questions stays, without the questions where nothing is kept. A
// conflict while the call runs, or its recording is on its way into the object store.
void erase_call_records(Batch& batch, const CallKey& call, Keep keep);
// Before it, for a recording that waits: it will not be stored any more. A conflict when it does not wait.
void withdraw_upload(Batch& batch, const CallKey& call);

// A contact, its appointments, the messages that name its number, and what is told outward of these. A
// conflict if there is none.
void erase_contact(Batch& batch, const OrgId& org, const ContactId& contact, const std::string& number);
// What it leaves behind, where somebody else has deleted or erased the contact itself.
void erase_remains_of_contact(Batch& batch, const OrgId& org, const ContactId& contact,
                              const std::string& number);
async::Task<Result<std::optional<std::string>>> contact_number(Store& store, OrgId org, ContactId contact);

struct ErasableCall {
  CallId id;
  bool running = false;
  domain::RecordingStatus recording = domain::RecordingStatus::none;
  std::int64_t turns = 0, log_lines = 0, messages = 0;
  std::int64_t answers = 0;  // to its questions: documents, which change with its erasure
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
  std::string removed = "{}";  // how many of what
  // Who is still to be erased, with the number; empty: nobody any more.
  ContactId contact{};
  std::string number{};
};
// What of it is done.
struct Receipt {
  Erasure erasure;
  // Of calls and contact; of all whose rows are gone.
  bool rows_removed = false, files_removed = false, search_merged = false;
};
struct ErasureFile {
  CallId call;
  std::string object_key;
};
// Creates it, or adds to what it has removed, whoever else works on it; it is open (again) until files and
// search index have followed. One that exists takes over of its contact that there is none any more, and
// nothing else.
void put_erasure(Batch& batch, const Erasure& erasure);
// A conflict while its contact is still to be erased, a file is owed, or the search index may hold something
// of it. Once is enough.
void finish_erasure(Batch& batch, const Erasure& erasure, UtcTime at);
void owe_file(Batch& batch, const Erasure& erasure, const ErasureFile& file);
void file_removed(Batch& batch, const Erasure& erasure, const ErasureFile& file);
// Oldest first.
async::Task<Result<Listed<Receipt>>> page_of_receipts(Store& store, OrgId org, KeyPage page);
async::Task<Result<std::optional<Receipt>>> find_receipt(Store& store, OrgId org, std::string id);
async::Task<Result<std::optional<Erasure>>> find_erasure(Store& store, std::string id);
// Oldest first.
async::Task<Result<std::vector<Erasure>>> open_erasures(Store& store, int limit);
async::Task<Result<std::vector<ErasureFile>>> owed_files(Store& store, std::string erasure, int limit);

// ── What the search indexes still hold of deleted calls and questions ──────────────────────────

// FTS5 keeps deleted terms until the segments that hold them are merged into one with all older ones. A round
// is that, in steps of one batch each, of all that is in the index when it begins; entries added meanwhile
// neither hold it up nor are part of it. The index of the knowledge's words is part of it where a question
// was forgotten since the last began. What a batch deletes together with put_erasure() goes with the next
// round that begins, whoever begins it. All is in the database: a round that nobody continues waits for the
// next who does.
enum class SearchRound { done, under_way, due };
async::Task<Result<SearchRound>> search_round(Store& store, std::string erasure);
// Its first step. A conflict while one is under way.
void begin_search_round(Batch& batch);
// The next step, which may be the last.
void continue_search_round(Batch& batch);

}  // namespace voxanne::store
