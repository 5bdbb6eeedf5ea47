-- What a create answered, so that the same key gets the same answer for a day. No status: the first
-- request is still running, or died with its process.
CREATE TABLE idempotency_keys (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL, -- of method, path and body
  holder TEXT NOT NULL,      -- the request that runs, or ran
  status INTEGER,
  body TEXT NOT NULL DEFAULT '',
  started_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (started_at);
