CREATE TABLE calls (
  seq INTEGER PRIMARY KEY, -- breaks ties of created_at; the rowid, so every index carries it
  id TEXT NOT NULL,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  assistant_id TEXT NOT NULL,
  phone_number_id TEXT NOT NULL,
  direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
  channel TEXT NOT NULL CHECK (channel IN ('sip', 'twilio', 'browser', 'vapi')),
  status TEXT NOT NULL CHECK (status IN ('queued', 'ringing', 'in-progress', 'ended', 'failed')),
  ended_reason TEXT NOT NULL DEFAULT '',
  fault TEXT NOT NULL DEFAULT 'nobody',
  verdict_detail TEXT NOT NULL DEFAULT '', -- for the operator
  customer_number TEXT NOT NULL,
  customer_name TEXT NOT NULL,
  contact_id TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  answered_at INTEGER,
  ended_at INTEGER,
  duration_ms INTEGER, -- answer to end
  cost_cents REAL,
  has_recording INTEGER NOT NULL DEFAULT 0,
  recording_status TEXT NOT NULL DEFAULT 'none' CHECK (
    recording_status IN ('none', 'recording', 'queued', 'uploading', 'stored', 'failed')),
  recording_key TEXT NOT NULL DEFAULT '',  -- in the object store
  recording_type TEXT NOT NULL DEFAULT '', -- media type
  recording_bytes INTEGER NOT NULL DEFAULT 0,
  recording_sha256 TEXT NOT NULL DEFAULT '',
  recording_ms INTEGER NOT NULL DEFAULT 0,
  has_transcript INTEGER NOT NULL DEFAULT 0,
  summary TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL DEFAULT '',
  sentiment_label TEXT NOT NULL DEFAULT '',
  sentiment_score REAL,
  tools_used TEXT NOT NULL DEFAULT '[]',
  appointment_id TEXT NOT NULL DEFAULT '',
  is_test INTEGER NOT NULL DEFAULT 0,
  metadata TEXT NOT NULL DEFAULT '{}',
  node_id TEXT NOT NULL, -- who serves it
  boot_id TEXT NOT NULL,
  UNIQUE (org_id, id),
  -- A verdict is an end: it has its time and its reason, or is none.
  CHECK ((status IN ('ended', 'failed')) = (ended_at IS NOT NULL)),
  CHECK ((status IN ('ended', 'failed')) = (ended_reason <> ''))
) STRICT;

-- Read backwards, these give every page newest first without sorting: a filter that an index does not
-- name (either direction, either kind) is a merge of one scan for each of its two values.
CREATE INDEX calls_by_created ON calls (org_id, created_at);
CREATE INDEX calls_by_test ON calls (org_id, is_test, created_at);
CREATE INDEX calls_by_status ON calls (org_id, status, is_test, direction, created_at);
CREATE INDEX calls_by_direction ON calls (org_id, direction, is_test, created_at);
CREATE INDEX calls_open ON calls (node_id, boot_id) WHERE ended_at IS NULL;
CREATE INDEX calls_open_by_org ON calls (org_id) WHERE ended_at IS NULL;

-- How many calls there are of each kind, kept by the triggers below: the total of every page that
-- filters by kind alone is a sum over at most twenty rows.
CREATE TABLE call_counters (
  org_id TEXT NOT NULL,
  is_test INTEGER NOT NULL,
  direction TEXT NOT NULL,
  status TEXT NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (org_id, is_test, direction, status)
) STRICT, WITHOUT ROWID;

-- Statistics by the hour of created_at, without test calls; they outlive the calls they count.
CREATE TABLE call_hours (
  org_id TEXT NOT NULL,
  hour INTEGER NOT NULL, -- its first millisecond
  calls INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  missed INTEGER NOT NULL, -- ended without an answer
  failed INTEGER NOT NULL, -- answered or not
  talk_ms INTEGER NOT NULL,
  PRIMARY KEY (org_id, hour)
) STRICT, WITHOUT ROWID;

-- Any three characters in a row are found: the last digits of a number, the middle of a name. It holds
-- the calls that have ended: an entry costs twice what the rest of a new call does, and the few open
-- ones are found by calls_open_by_org.
CREATE VIRTUAL TABLE calls_search USING fts5 (
  customer_number, customer_name, summary,
  content = 'calls', content_rowid = 'seq', tokenize = 'trigram'
);

CREATE TRIGGER calls_inserted AFTER INSERT ON calls BEGIN
  INSERT INTO call_counters VALUES (new.org_id, new.is_test, new.direction, new.status, 1)
    ON CONFLICT DO UPDATE SET calls = calls + 1;
END;

CREATE TRIGGER calls_deleted AFTER DELETE ON calls BEGIN
  UPDATE call_counters SET calls = calls - 1
    WHERE org_id = old.org_id AND is_test = old.is_test AND direction = old.direction
      AND status = old.status;
END;

CREATE TRIGGER calls_moved AFTER UPDATE OF status ON calls WHEN old.status <> new.status BEGIN
  UPDATE call_counters SET calls = calls - 1
    WHERE org_id = old.org_id AND is_test = old.is_test AND direction = old.direction
      AND status = old.status;
  INSERT INTO call_counters VALUES (new.org_id, new.is_test, new.direction, new.status, 1)
    ON CONFLICT DO UPDATE SET calls = calls + 1;
END;

CREATE TRIGGER calls_ended AFTER UPDATE OF ended_at ON calls
WHEN old.ended_at IS NULL AND new.ended_at IS NOT NULL AND new.is_test = 0 BEGIN
  INSERT INTO call_hours VALUES (
    new.org_id, new.created_at - new.created_at % 3600000, 1, new.answered_at IS NOT NULL,
    new.answered_at IS NULL AND new.status = 'ended', new.status = 'failed', coalesce(new.duration_ms, 0))
    ON CONFLICT DO UPDATE SET
      calls = calls + 1, answered = answered + excluded.answered, missed = missed + excluded.missed,
      failed = failed + excluded.failed, talk_ms = talk_ms + excluded.talk_ms;
END;

CREATE TRIGGER calls_search_inserted AFTER UPDATE OF ended_at ON calls
WHEN old.ended_at IS NULL AND new.ended_at IS NOT NULL BEGIN
  INSERT INTO calls_search (rowid, customer_number, customer_name, summary)
    VALUES (new.seq, new.customer_number, new.customer_name, new.summary);
END;

CREATE TRIGGER calls_search_changed AFTER UPDATE OF customer_number, customer_name, summary ON calls
WHEN old.ended_at IS NOT NULL BEGIN
  INSERT INTO calls_search (calls_search, rowid, customer_number, customer_name, summary)
    VALUES ('delete', old.seq, old.customer_number, old.customer_name, old.summary);
  INSERT INTO calls_search (rowid, customer_number, customer_name, summary)
    VALUES (new.seq, new.customer_number, new.customer_name, new.summary);
END;

CREATE TRIGGER calls_search_deleted AFTER DELETE ON calls WHEN old.ended_at IS NOT NULL BEGIN
  INSERT INTO calls_search (calls_search, rowid, customer_number, customer_name, summary)
    VALUES ('delete', old.seq, old.customer_number, old.customer_name, old.summary);
END;

CREATE TABLE call_logs (
  seq INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  data TEXT NOT NULL DEFAULT '{}',
  FOREIGN KEY (org_id, call_id) REFERENCES calls (org_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX call_logs_by_call ON call_logs (call_id);

CREATE TABLE call_transcripts (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  speaker TEXT NOT NULL CHECK (speaker IN ('caller', 'assistant')),
  text TEXT NOT NULL,
  start_ms INTEGER NOT NULL, -- from the answer
  end_ms INTEGER NOT NULL,
  confidence REAL,
  interrupted INTEGER NOT NULL DEFAULT 0,
  source TEXT NOT NULL DEFAULT '',
  endpointing_ms INTEGER,
  recognition_ms INTEGER,
  thinking_ms INTEGER,
  first_audio_ms INTEGER,
  UNIQUE (call_id, id),
  FOREIGN KEY (org_id, call_id) REFERENCES calls (org_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX call_transcripts_by_call ON call_transcripts (call_id, start_ms);

CREATE TABLE recording_upload_queue (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL,
  call_id TEXT NOT NULL,
  node_id TEXT NOT NULL, -- whose spool holds the source
  status TEXT NOT NULL CHECK (status IN ('queued', 'uploading', 'failed')), -- a stored one is gone
  source TEXT NOT NULL, -- path within the spool
  object_key TEXT NOT NULL,
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  duration_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL, -- while uploading: when the lease ends
  last_error TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  failed_at INTEGER,
  UNIQUE (org_id, call_id),
  FOREIGN KEY (org_id, call_id) REFERENCES calls (org_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX recording_upload_queue_due ON recording_upload_queue (node_id, next_attempt_at)
  WHERE status IN ('queued', 'uploading');
CREATE INDEX recording_upload_queue_failed ON recording_upload_queue (node_id, failed_at)
  WHERE status = 'failed';
