// What the daily cleanup finds and removes. Reading is paged, so that no step is long; removing is by
// guarded pieces of a batch, so that what has changed meanwhile is left alone.
#pragma once

#include "store/calls.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::store {

struct FailedUpload {
  UploadId id;
  OrgId org;
  CallId call;
};
// Whose queues may be cleaned here: `own`, and those of nodes that nobody has seen since `dead_before`.
async::Task<Result<std::vector<std::string>>> nodes_to_clean(Store& store, std::string own,
                                                             UtcTime dead_before);
// Oldest first.
async::Task<Result<std::vector<FailedUpload>>> failed_uploads(Store& store, std::string node,
                                                              UtcTime failed_before, int limit);
async::Task<Result<std::int64_t>> count_failed_uploads(Store& store, std::string node, UtcTime failed_before);
// A conflict when it is no longer failed.
void drop_failed_upload(Batch& batch, const FailedUpload& upload);

struct Retention {
  OrgId org;
  std::optional<int> recording_days, call_days;
};
async::Task<Result<std::vector<Retention>>> retentions_after(Store& store, OrgId org, int limit);

// A call that is older than its organization keeps it, or its recording.
struct OldCall {
  CallId id;
  UtcTime created_at{};
  std::int64_t seq = 0;
  domain::RecordingStatus recording = domain::RecordingStatus::none;
  std::string object_key;  // of a stored recording
};
// Oldest first, those after `from` (a call's created_at and seq) and before `before`.
using CallPosition = std::pair<UtcTime, std::int64_t>;
async::Task<Result<std::vector<OldCall>>> stored_recordings(Store& store, OrgId org, CallPosition from,
                                                            UtcTime before, int limit);
// Ended calls without anything on its way into the object store.
async::Task<Result<std::vector<OldCall>>> settled_calls(Store& store, OrgId org, CallPosition from,
                                                        UtcTime before, int limit);
// Of a stored or a failed recording: the call stays, and its log says what became of it. A conflict when
// that has changed.
void expire_recording(Batch& batch, const OrgId& org, const OldCall& call, UtcTime at);

// Whether a recording's file is wanted: by its call, or by the upload queue.
enum class Claim { wanted, unwanted, unknown_call };
async::Task<Result<Claim>> who_wants_object(Store& store, CallKey call, std::string object_key);
async::Task<Result<Claim>> who_wants_spool(Store& store, CallKey call);

// Rows that nobody reads any more, by age.
enum class Stale { idempotency_keys, sessions, invitations, job_runs };
inline constexpr std::array all_stale{Stale::idempotency_keys, Stale::sessions, Stale::invitations,
                                      Stale::job_runs};
async::Task<Result<std::int64_t>> count_stale(Store& store, Stale what, UtcTime before);
// Some hundreds of them, the oldest.
void drop_stale(Batch& batch, Stale what, UtcTime before);
inline constexpr std::int64_t stale_at_a_time = 500;

}  // namespace voxanne::store
