// Calls, their log and their transcript.
//
// Writing is by pieces: each function adds its statements to a Batch, so that a row, its log line
// and whatever belongs to it become durable together. Counters, statistics and the search index
// follow by triggers inside the same transaction.
//
//   queued → ringing → in-progress → ended | failed      a step may be left out, none is taken back
//
// A piece that contradicts what is stored (a step back, a second verdict) makes its batch a conflict.
// Reads are scoped to the organization: another's call is simply not there.
#pragma once

#include "domain/call.h"
#include "store/page.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne::store {

// The process that serves a call. A node's later boot proves its earlier ones dead.
struct Holder {
  std::string node;
  std::string boot;
};

struct CallKey {
  OrgId org;
  CallId id;
};

// ── Writing ────────────────────────────────────────────────────────────────────────────────────

void insert_call(Batch& batch, const domain::Call& call, const Holder& holder);
// Repeating the step that was taken last changes nothing. `at` becomes startedAt (ringing) or
// answeredAt (in-progress) unless that is set.
void move_call(Batch& batch, const CallKey& call, domain::CallStatus to, UtcTime at);
void set_recording_status(Batch& batch, const CallKey& call, domain::RecordingStatus status);
// The one verdict, with the duration from answer to `at`. A conflict if the call has one already.
void end_call(Batch& batch, const CallKey& call, const domain::Verdict& verdict, UtcTime at);
// Ends a call that never was, should its row have come to be all the same: nobody is told of it, and what
// was queued to be told is forgotten.
void withdraw_call(Batch& batch, const CallKey& call, const domain::Verdict& verdict, UtcTime at);

// What looking back on a call found; written at its end or later.
struct CallSummary {
  std::string summary{}, outcome{};
  std::string sentiment_label{};
  std::optional<double> sentiment_score{};
  std::string tools_used = "[]";  // JSON array
  std::optional<double> cost_cents{};
};
void summarize_call(Batch& batch, const CallKey& call, const CallSummary& summary);

// With its log, transcript and queued upload; what is counted by the hour stays. A conflict while the
// call runs. Its recording's object is the caller's to delete, before.
void erase_call(Batch& batch, const CallKey& call);

// A line of the call's log. `data` is a JSON object without personal data.
void log_event(Batch& batch, const CallKey& call, UtcTime at, std::string type, std::string data = "{}");
// Writes the turn, or replaces what was written under its id (a barge-in cuts its text).
void put_turn(Batch& batch, const CallKey& call, const domain::Turn& turn);

// ── Reading ────────────────────────────────────────────────────────────────────────────────────

// The columns of every row of calls that is visited, in the order of the contract's Call.
namespace call_column {
enum : int {
  seq,
  created_at,
  id,
  org_id,
  assistant_id,
  phone_number_id,
  direction,
  channel,
  status,
  ended_reason,
  customer_number,
  customer_name,
  contact_id,
  started_at,
  answered_at,
  ended_at,
  duration_ms,
  cost_cents,
  has_recording,
  recording_status,
  has_transcript,
  summary,
  outcome,
  sentiment_label,
  sentiment_score,
  tools_used,
  appointment_id,
  is_test,
  metadata,
  fault,
};
}
domain::Call call_from(const Row& row);

// Visits one row of call_column. False: there is none.
async::Task<Result<bool>> visit_call(Store& store, CallKey call, RowVisitor visit);
async::Task<Result<std::optional<domain::Call>>> find_call(Store& store, CallKey call);

struct CallFilter {
  std::optional<domain::CallStatus> status{};
  std::optional<domain::Direction> direction{};
  std::optional<UtcTime> from{}, to{};  // createdAt in [from, to)
  // Any part of a number, name or summary, or whole words of what was said; empty or ≥ 3 characters.
  std::string search{};
  bool include_test = false;
};
// Newest first. Errors besides the store's: impossible (those of check(), search_too_short).
async::Task<Result<PageInfo>> page_of_calls(Store& store, OrgId org, CallFilter filter, PageRequest request,
                                            RowVisitor visit);

namespace turn_column {
enum : int {
  id,
  speaker,
  text,
  start_ms,
  end_ms,
  confidence,
  interrupted,
  source,
  endpointing_ms,
  recognition_ms,
  thinking_ms,
  first_audio_ms,
};
}
domain::Turn turn_from(const Row& row);
// In order of their start.
async::Task<Result<>> visit_turns(Store& store, CallKey call, RowVisitor visit);

namespace log_column {
enum : int { at, type, data };
}
// In the order written.
async::Task<Result<>> visit_log(Store& store, CallKey call, RowVisitor visit);

// Calls without a verdict that an earlier boot of this node served: after a crash each is to be
// ended. Of every organization.
async::Task<Result<std::vector<domain::Call>>> calls_left_open(Store& store, Holder holder);

// Statistics by hour of createdAt, without test calls; only calls with a verdict count.
namespace hour_column {
enum : int { hour, calls, answered, missed, failed, talk_ms };  // hour: unix ms of its start
}
async::Task<Result<>> visit_call_hours(Store& store, OrgId org, UtcTime from, UtcTime to, RowVisitor visit);

}  // namespace voxanne::store
