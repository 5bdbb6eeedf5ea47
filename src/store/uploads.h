// The recording upload queue: what has been recorded and is on its way to the object store.
//
//   (enqueue) → queued ⇄ uploading → (gone: the call has its object key) or failed ─ by hand ─▶ queued
//
// A claim is a lease of one boot of one node: next_attempt_at is set past its end, so that an upload
// whose worker died becomes due again by itself, and at once when its node starts again. `attempts` is its
// version: two workers cannot claim the same row, and a worker that lost its lease cannot complete it.
// `failed` is terminal and means that the source itself is bad; a store that is away keeps a row queued
// however long. Every step changes the call's recording_status in the same batch. The spool is local: a
// node takes its own rows only.
#pragma once

#include "store/calls.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::store {

struct Upload {
  UploadId id;
  OrgId org;
  CallId call;
  std::string node;          // whose spool holds the source
  std::string source;        // path within the spool
  std::string object_key;    // where it goes
  std::string content_type;  // "audio/ogg"
  // Of the source while it waits; of the object once finish_upload() says that it is stored.
  std::int64_t bytes = 0;
  std::string sha256;  // hex; may be empty while it waits
  std::int64_t duration_ms = 0;
  int attempts = 0;
  UtcTime created_at{}, next_attempt_at{};
  std::string last_error;  // code of the last failure
};

// Also gives the call its recording: from here on it plays, from the spool. One upload per call:
// a second one is a conflict.
void enqueue_upload(Batch& batch, const Upload& upload);

// Rows of this node that are due, oldest due time first.
async::Task<Result<std::vector<Upload>>> due_uploads(Store& store, std::string node, UtcTime now, int limit);
// When the next row of this node becomes due; nullopt: there is none.
async::Task<Result<std::optional<UtcTime>>> next_upload_due(Store& store, std::string node);

// Pieces for a row as it was read. A conflict: somebody else has it now. claim_upload and
// retry_upload also bring `upload` up to date, for the pieces that follow.
void claim_upload(Batch& batch, Upload& upload, const std::string& boot, UtcTime lease_until);
// Besides, the call gets the object's key, type, size, checksum and duration from `upload`.
void finish_upload(Batch& batch, const Upload& upload);
void retry_upload(Batch& batch, Upload& upload, std::string error_code, UtcTime next_attempt_at);
void fail_upload(Batch& batch, const Upload& upload, std::string error_code, UtcTime at);
// After a restart: what earlier boots of this node had claimed is due at once.
void release_uploads(Batch& batch, const Holder& holder, UtcTime now);
// The store is back: what waits because of it (its last error says so) is due at once.
void hasten_uploads(Batch& batch, const std::string& node, UtcTime now);

// By hand: what has failed, or waits for its next attempt, is due at once. A conflict: it is being
// worked, or is gone.
void requeue_upload(Batch& batch, const Upload& upload, UtcTime now);

struct QueuedUpload {
  Upload upload;
  domain::RecordingStatus status = domain::RecordingStatus::queued;  // queued, uploading or failed
};
// nullopt: nothing of that call waits or has failed.
async::Task<Result<std::optional<QueuedUpload>>> find_upload(Store& store, CallKey call);

// Where a call's recording is: in the spool until `stored`, then in the object store.
struct RecordingPlace {
  domain::RecordingStatus status = domain::RecordingStatus::none;
  std::string source, object_key, content_type, sha256;
  std::int64_t bytes = 0;
  std::int64_t duration_ms = 0;
};
// nullopt: no such call, or nothing has been recorded yet.
async::Task<Result<std::optional<RecordingPlace>>> find_recording(Store& store, CallKey call);

struct UploadCounts {
  std::int64_t waiting = 0;  // queued or uploading
  std::int64_t failed = 0;
};
async::Task<Result<UploadCounts>> count_uploads(Store& store, std::string node);

}  // namespace voxanne::store
