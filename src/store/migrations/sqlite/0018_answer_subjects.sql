-- What a kept answer is about, so that an erasure finds it without reading a day's answers: the record that it
-- shows, and the call that this record names.
ALTER TABLE idempotency_keys ADD COLUMN subject_id TEXT GENERATED ALWAYS AS
  (CASE WHEN json_valid(body) THEN CAST(json_extract(body, '$.id') AS TEXT) END) VIRTUAL;
ALTER TABLE idempotency_keys ADD COLUMN call_id TEXT GENERATED ALWAYS AS
  (CASE WHEN json_valid(body) THEN CAST(json_extract(body, '$.callId') AS TEXT) END) VIRTUAL;
-- The organization follows by itself, with the primary key; named first, SQLite took that key instead.
CREATE INDEX idempotency_keys_by_subject ON idempotency_keys (subject_id);
CREATE INDEX idempotency_keys_by_call ON idempotency_keys (call_id);

-- Nothing reads by it.
DROP INDEX knowledge_base_vectors_by_model;
