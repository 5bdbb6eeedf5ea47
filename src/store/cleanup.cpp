#include "store/cleanup.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

using domain::RecordingStatus;

constexpr Statement nodes{"nodes.to_clean",
                          "SELECT id FROM nodes WHERE id > '' AND (id = ?1 OR seen_at < ?2) ORDER BY id"};
constexpr Statement failed{"recording_upload_queue.failed",
                           "SELECT id, org_id, call_id FROM recording_upload_queue WHERE node_id = ?1 "
                           "AND status = 'failed' AND failed_at < ?2 ORDER BY failed_at LIMIT ?3"};
constexpr Statement failed_count{"recording_upload_queue.failed_count",
                                 "SELECT count(*) FROM recording_upload_queue WHERE node_id = ?1 "
                                 "AND status = 'failed' AND failed_at < ?2",
                                 Cost::heavy};
constexpr Statement drop_failed{"recording_upload_queue.drop_failed",
                                "DELETE FROM recording_upload_queue WHERE id = ?1 AND status = 'failed'"};

constexpr Statement retentions{"organizations.retentions",
                               "SELECT id, recording_retention_days, call_retention_days FROM organizations "
                               "WHERE id > ?1 AND erased_at IS NULL ORDER BY id LIMIT ?2"};
#define OLD_CALL "id, created_at, seq, recording_status, recording_key"
constexpr Statement old_recordings{
    "calls.old_recordings",
    "SELECT " OLD_CALL
    " FROM calls WHERE org_id = ?1 AND recording_status = 'stored' "
    "AND (created_at, seq) > (?2, ?3) AND created_at < ?4 ORDER BY created_at, seq LIMIT ?5",
    Cost::heavy};
constexpr Statement old_calls{
    "calls.old",
    "SELECT " OLD_CALL
    " FROM calls WHERE org_id = ?1 AND (created_at, seq) > (?2, ?3) AND created_at < ?4 "
    "AND ended_at IS NOT NULL AND recording_status IN ('none', 'stored', 'failed') "
    "ORDER BY created_at, seq LIMIT ?5",
    Cost::heavy};
constexpr Statement expire{
    "calls.expire_recording",
    "UPDATE calls SET recording_status = 'none', has_recording = 0, recording_key = '', recording_type = '', "
    "recording_bytes = 0, recording_sha256 = '', recording_ms = 0 "
    "WHERE org_id = ?1 AND id = ?2 AND recording_status = ?4 AND recording_key = ?3"};
constexpr Statement drop_failed_of_call{
    "recording_upload_queue.drop_failed_of_call",
    "DELETE FROM recording_upload_queue WHERE org_id = ?1 AND call_id = ?2 AND status = 'failed'"};

// No row: there is no such call.
constexpr Statement object_claim{
    "calls.object_claim",
    "SELECT (c.recording_status NOT IN ('none', 'failed') AND c.recording_key IN ('', ?3)) OR q.id IS NOT "
    "NULL "
    "FROM calls c LEFT JOIN recording_upload_queue q ON q.org_id = c.org_id AND q.call_id = c.id "
    "WHERE c.org_id = ?1 AND c.id = ?2"};
constexpr Statement spool_claim{
    "calls.spool_claim",
    "SELECT c.recording_status IN ('recording', 'queued', 'uploading') OR c.ended_at IS NULL "
    "OR q.id IS NOT NULL "
    "FROM calls c LEFT JOIN recording_upload_queue q ON q.org_id = c.org_id AND q.call_id = c.id "
    "WHERE c.org_id = ?1 AND c.id = ?2"};

constexpr Statement old_keys{"idempotency_keys.stale_count",
                             "SELECT count(*) FROM idempotency_keys WHERE started_at < ?1", Cost::heavy};
constexpr Statement drop_keys{
    "idempotency_keys.drop_stale",
    "DELETE FROM idempotency_keys WHERE (org_id, key) IN (SELECT org_id, key FROM idempotency_keys "
    "WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)"};
constexpr Statement old_sessions{"sessions.stale_count",
                                 "SELECT count(*) FROM sessions WHERE expires_at < ?1", Cost::heavy};
constexpr Statement drop_sessions{
    "sessions.drop_stale",
    "DELETE FROM sessions WHERE id IN "
    "(SELECT id FROM sessions WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)"};
constexpr Statement old_invitations{"invitations.stale_count",
                                    "SELECT count(*) FROM invitations WHERE expires_at < ?1", Cost::heavy};
constexpr Statement drop_invitations{
    "invitations.drop_stale",
    "DELETE FROM invitations WHERE (org_id, id) IN "
    "(SELECT org_id, id FROM invitations WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)"};
constexpr Statement old_runs{"job_runs.stale_count", "SELECT count(*) FROM job_runs WHERE started_at < ?1",
                             Cost::heavy};
constexpr Statement drop_runs{
    "job_runs.drop_stale",
    "DELETE FROM job_runs WHERE seq IN "
    "(SELECT seq FROM job_runs WHERE started_at < ?1 ORDER BY started_at LIMIT ?2)"};

struct StaleStatements {
  const Statement& count;
  const Statement& drop;
};

StaleStatements statements_of(Stale what) {
  switch (what) {
    case Stale::idempotency_keys:
      return {old_keys, drop_keys};
    case Stale::sessions:
      return {old_sessions, drop_sessions};
    case Stale::invitations:
      return {old_invitations, drop_invitations};
    case Stale::job_runs:
      break;
  }
  return {old_runs, drop_runs};
}

std::string text_from(const Row& row) { return row.str(0); }
std::int64_t integer_from(const Row& row) { return row.integer(0); }
bool flag_from(const Row& row) { return row.integer(0) != 0; }

FailedUpload failed_from(const Row& row) {
  return {id_from<UploadTag>(row, 0), id_from<OrgTag>(row, 1), id_from<CallTag>(row, 2)};
}

Retention retention_from(const Row& row) {
  return {id_from<OrgTag>(row, 0), int_from(row, 1), int_from(row, 2)};
}

OldCall old_call_from(const Row& row) {
  return {id_from<CallTag>(row, 0), from_unix_ms(row.integer(1)), row.integer(2),
          word_from(row, 3, domain::parse_recording_status), row.str(4)};
}

async::Task<Result<std::int64_t>> count(Store& store, const Statement& statement, std::vector<Value> values) {
  const auto found = co_await find_one(store, statement, std::move(values), integer_from);
  if (!found) co_return found.error();
  co_return found->value_or(0);
}

Result<Claim> claim_of(const Result<std::optional<bool>>& found) {
  if (!found) return found.error();
  if (!*found) return Claim::unknown_call;
  return **found ? Claim::wanted : Claim::unwanted;
}

}  // namespace

async::Task<Result<std::vector<std::string>>> nodes_to_clean(Store& store, std::string own,
                                                             UtcTime dead_before) {
  return find_all(store, nodes, {std::move(own), bound(dead_before)}, text_from);
}

async::Task<Result<std::vector<FailedUpload>>> failed_uploads(Store& store, std::string node,
                                                              UtcTime failed_before, int limit) {
  return find_all(store, failed, {std::move(node), bound(failed_before), bound(limit)}, failed_from);
}

async::Task<Result<std::int64_t>> count_failed_uploads(Store& store, std::string node,
                                                       UtcTime failed_before) {
  return count(store, failed_count, {std::move(node), bound(failed_before)});
}

void drop_failed_upload(Batch& batch, const FailedUpload& upload) {
  batch.add(drop_failed, {bound(upload.id)}, 1);
}

async::Task<Result<std::vector<Retention>>> retentions_after(Store& store, OrgId org, int limit) {
  return find_all(store, retentions, {bound(org), bound(limit)}, retention_from);
}

async::Task<Result<std::vector<OldCall>>> stored_recordings(Store& store, OrgId org, CallPosition from,
                                                            UtcTime before, int limit) {
  return find_all(store, old_recordings,
                  {bound(org), bound(from.first), from.second, bound(before), bound(limit)}, old_call_from);
}

async::Task<Result<std::vector<OldCall>>> settled_calls(Store& store, OrgId org, CallPosition from,
                                                        UtcTime before, int limit) {
  return find_all(store, old_calls, {bound(org), bound(from.first), from.second, bound(before), bound(limit)},
                  old_call_from);
}

void expire_recording(Batch& batch, const OrgId& org, const OldCall& call, UtcTime at) {
  batch.add(expire,
            {bound(org), bound(call.id), call.object_key, std::string{domain::to_string(call.recording)}}, 1);
  batch.add(drop_failed_of_call, {bound(org), bound(call.id)});
  log_event(batch, {org, call.id}, at, "recording.expired");
}

async::Task<Result<Claim>> who_wants_object(Store& store, CallKey call, std::string object_key) {
  co_return claim_of(co_await find_one(store, object_claim,
                                       {bound(call.org), bound(call.id), std::move(object_key)}, flag_from));
}

async::Task<Result<Claim>> who_wants_spool(Store& store, CallKey call) {
  co_return claim_of(co_await find_one(store, spool_claim, {bound(call.org), bound(call.id)}, flag_from));
}

async::Task<Result<std::int64_t>> count_stale(Store& store, Stale what, UtcTime before) {
  return count(store, statements_of(what).count, {bound(before)});
}

void drop_stale(Batch& batch, Stale what, UtcTime before) {
  batch.add(statements_of(what).drop, {bound(before), stale_at_a_time});
}

std::span<const Statement* const> cleanup_statements() {
  static constexpr const Statement* all[] = {
      &nodes,     &failed,       &failed_count,        &drop_failed,     &retentions,       &old_recordings,
      &old_calls, &expire,       &drop_failed_of_call, &object_claim,    &spool_claim,      &old_keys,
      &drop_keys, &old_sessions, &drop_sessions,       &old_invitations, &drop_invitations, &old_runs,
      &drop_runs};
  return all;
}

}  // namespace voxanne::store
