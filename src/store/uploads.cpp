#include "store/uploads.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

using domain::RecordingStatus;

constexpr Statement enqueue{
    "recording_upload_queue.enqueue",
    "INSERT INTO recording_upload_queue (id, org_id, call_id, node_id, status, source, object_key, "
    "content_type, bytes, sha256, duration_ms, next_attempt_at, created_at) "
    "VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"};
constexpr Statement recorded{
    "calls.recorded",
    "UPDATE calls SET recording_status = 'queued', has_recording = 1, recording_type = ?3, "
    "recording_bytes = ?4, recording_sha256 = ?5, recording_ms = ?6 "
    "WHERE org_id = ?1 AND id = ?2 AND recording_status IN ('none', 'recording')"};

// Due rows are those of the partial index, which the planner takes when its condition is repeated.
#define WAITING "status IN ('queued', 'uploading')"

constexpr Statement claim{"recording_upload_queue.claim",
                          "UPDATE recording_upload_queue SET status = 'uploading', attempts = attempts + 1, "
                          "next_attempt_at = ?3, boot_id = ?4 WHERE id = ?1 AND attempts = ?2 AND " WAITING};
constexpr Statement finish{
    "recording_upload_queue.finish",
    "DELETE FROM recording_upload_queue WHERE id = ?1 AND attempts = ?2 AND status = 'uploading'"};
constexpr Statement retry{"recording_upload_queue.retry",
                          "UPDATE recording_upload_queue SET status = 'queued', next_attempt_at = ?3, "
                          "last_error = ?4 WHERE id = ?1 AND attempts = ?2 AND status = 'uploading'"};
constexpr Statement fail{
    "recording_upload_queue.fail",
    "UPDATE recording_upload_queue SET status = 'failed', failed_at = ?3, last_error = ?4 "
    "WHERE id = ?1 AND attempts = ?2 AND " WAITING};
constexpr Statement release{"recording_upload_queue.release",
                            "UPDATE recording_upload_queue SET next_attempt_at = ?2 "
                            "WHERE node_id = ?1 AND " WAITING " AND status = 'uploading' AND boot_id <> ?3"};
constexpr Statement hasten{"recording_upload_queue.hasten",
                           "UPDATE recording_upload_queue SET next_attempt_at = ?2 "
                           "WHERE node_id = ?1 AND " WAITING
                           " AND next_attempt_at > ?2 AND status = 'queued' "
                           "AND last_error LIKE 'object%'"};
constexpr Statement requeue{
    "recording_upload_queue.requeue",
    "UPDATE recording_upload_queue SET status = 'queued', next_attempt_at = ?3, failed_at = NULL "
    "WHERE id = ?1 AND attempts = ?2 AND status IN ('queued', 'failed')"};
constexpr Statement requeued{
    "calls.recording_requeued",
    "UPDATE calls SET recording_status = 'queued', has_recording = 1 WHERE org_id = ?1 AND id = ?2"};

constexpr Statement set_status{"calls.upload_status",
                               "UPDATE calls SET recording_status = ?3 WHERE org_id = ?1 AND id = ?2"};
constexpr Statement stored{
    "calls.recording_stored",
    "UPDATE calls SET recording_status = 'stored', has_recording = 1, recording_key = ?3, recording_type = "
    "?4, "
    "recording_bytes = ?5, recording_sha256 = ?6, recording_ms = ?7 WHERE org_id = ?1 AND id = ?2"};
constexpr Statement lost{
    "calls.recording_failed",
    "UPDATE calls SET recording_status = 'failed', has_recording = 0 WHERE org_id = ?1 AND id = ?2"};

#define COLUMNS                                                                                         \
  "SELECT id, org_id, call_id, node_id, source, object_key, content_type, bytes, sha256, duration_ms, " \
  "attempts, created_at, next_attempt_at, last_error"

constexpr Statement due{"recording_upload_queue.due", COLUMNS
                        " FROM recording_upload_queue "
                        "WHERE node_id = ?1 AND " WAITING
                        " AND next_attempt_at <= ?2 ORDER BY next_attempt_at LIMIT ?3"};
constexpr Statement of_call{"recording_upload_queue.of_call", COLUMNS
                            ", status FROM recording_upload_queue WHERE org_id = ?1 AND call_id = ?2"};
constexpr Statement next_due{
    "recording_upload_queue.next_due",
    "SELECT next_attempt_at FROM recording_upload_queue WHERE node_id = ?1 AND " WAITING
    " ORDER BY next_attempt_at LIMIT 1"};
constexpr Statement counts{
    "recording_upload_queue.counts",
    "SELECT (SELECT count(*) FROM recording_upload_queue WHERE node_id = ?1 AND " WAITING
    "), (SELECT count(*) FROM recording_upload_queue WHERE node_id = ?1 AND status = 'failed')",
    Cost::heavy};
constexpr Statement place{
    "calls.recording_place",
    "SELECT c.recording_status, coalesce(q.source, ''), coalesce(q.object_key, c.recording_key), "
    "c.recording_type, c.recording_sha256, c.recording_bytes, c.recording_ms FROM calls c "
    "LEFT JOIN recording_upload_queue q ON q.org_id = c.org_id AND q.call_id = c.id "
    "WHERE c.org_id = ?1 AND c.id = ?2 AND c.recording_status IN ('queued', 'uploading', 'stored', "
    "'failed')"};

Upload upload_from(const Row& row) {
  return {id_from<UploadTag>(row, 0),
          id_from<OrgTag>(row, 1),
          id_from<CallTag>(row, 2),
          row.str(3),
          row.str(4),
          row.str(5),
          row.str(6),
          row.integer(7),
          row.str(8),
          row.integer(9),
          static_cast<int>(row.integer(10)),
          from_unix_ms(row.integer(11)),
          from_unix_ms(row.integer(12)),
          row.str(13)};
}

QueuedUpload queued_from(const Row& row) {
  return {upload_from(row), word_from(row, 14, domain::parse_recording_status)};
}

UtcTime due_from(const Row& row) { return from_unix_ms(row.integer(0)); }

RecordingPlace place_from(const Row& row) {
  return {word_from(row, 0, domain::parse_recording_status),
          row.str(1),
          row.str(2),
          row.str(3),
          row.str(4),
          row.integer(5),
          row.integer(6)};
}

UploadCounts counts_from(const Row& row) { return {row.integer(0), row.integer(1)}; }

}  // namespace

void enqueue_upload(Batch& batch, const Upload& upload) {
  batch.add(recorded,
            {bound(upload.org), bound(upload.call), upload.content_type, upload.bytes, upload.sha256,
             upload.duration_ms},
            1);
  batch.add(enqueue,
            {bound(upload.id), bound(upload.org), bound(upload.call), upload.node, upload.source,
             upload.object_key, upload.content_type, upload.bytes, upload.sha256, upload.duration_ms,
             bound(upload.next_attempt_at), bound(upload.created_at)},
            1);
}

void claim_upload(Batch& batch, Upload& upload, const std::string& boot, UtcTime lease_until) {
  batch.add(claim, {bound(upload.id), bound(upload.attempts), bound(lease_until), boot}, 1);
  batch.add(set_status, {bound(upload.org), bound(upload.call), bound(to_string(RecordingStatus::uploading))},
            1);
  ++upload.attempts;
  upload.next_attempt_at = lease_until;
}

void finish_upload(Batch& batch, const Upload& upload) {
  batch.add(finish, {bound(upload.id), bound(upload.attempts)}, 1);
  batch.add(stored,
            {bound(upload.org), bound(upload.call), upload.object_key, upload.content_type, upload.bytes,
             upload.sha256, upload.duration_ms},
            1);
}

void retry_upload(Batch& batch, Upload& upload, std::string error_code, UtcTime next_attempt_at) {
  upload.last_error = std::move(error_code);
  upload.next_attempt_at = next_attempt_at;
  batch.add(retry, {bound(upload.id), bound(upload.attempts), bound(next_attempt_at), upload.last_error}, 1);
  batch.add(set_status, {bound(upload.org), bound(upload.call), bound(to_string(RecordingStatus::queued))},
            1);
}

void fail_upload(Batch& batch, const Upload& upload, std::string error_code, UtcTime at) {
  batch.add(fail, {bound(upload.id), bound(upload.attempts), bound(at), std::move(error_code)}, 1);
  batch.add(lost, {bound(upload.org), bound(upload.call)}, 1);
}

void release_uploads(Batch& batch, const Holder& holder, UtcTime now) {
  batch.add(release, {holder.node, bound(now), holder.boot});
}

void hasten_uploads(Batch& batch, const std::string& node, UtcTime now) {
  batch.add(hasten, {node, bound(now)});
}

void requeue_upload(Batch& batch, const Upload& upload, UtcTime now) {
  batch.add(requeue, {bound(upload.id), bound(upload.attempts), bound(now)}, 1);
  batch.add(requeued, {bound(upload.org), bound(upload.call)}, 1);
}

async::Task<Result<std::optional<QueuedUpload>>> find_upload(Store& store, CallKey call) {
  return find_one(store, of_call, {bound(call.org), bound(call.id)}, queued_from);
}

async::Task<Result<std::vector<Upload>>> due_uploads(Store& store, std::string node, UtcTime now, int limit) {
  return find_all(store, due, {std::move(node), bound(now), bound(limit)}, upload_from);
}

async::Task<Result<std::optional<UtcTime>>> next_upload_due(Store& store, std::string node) {
  return find_one(store, next_due, {std::move(node)}, due_from);
}

async::Task<Result<std::optional<RecordingPlace>>> find_recording(Store& store, CallKey call) {
  return find_one(store, place, {bound(call.org), bound(call.id)}, place_from);
}

async::Task<Result<UploadCounts>> count_uploads(Store& store, std::string node) {
  const auto found = co_await find_one(store, counts, {std::move(node)}, counts_from);
  if (!found) co_return found.error();
  co_return found->value_or(UploadCounts{});
}

std::span<const Statement* const> upload_statements() {
  static constexpr const Statement* all[] = {&enqueue, &recorded, &claim,   &finish,   &retry,      &fail,
                                             &release, &hasten,   &requeue, &requeued, &set_status, &stored,
                                             &lost,    &due,      &of_call, &next_due, &counts,     &place};
  return all;
}

}  // namespace voxanne::store
