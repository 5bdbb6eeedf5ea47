-- What was erased on request: the receipt, which names nobody, and until it is done what is still to be
-- removed outside the database.
CREATE TABLE erasures (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  subject TEXT NOT NULL CHECK (subject IN ('call', 'contact')),
  requested_by TEXT NOT NULL,
  requested_at INTEGER NOT NULL,
  search_merged_at INTEGER, -- when the search index held nothing of it any more
  finished_at INTEGER,
  removed TEXT NOT NULL DEFAULT '{}' -- JSON: how many of what
) STRICT, WITHOUT ROWID;

CREATE INDEX erasures_open ON erasures (requested_at) WHERE finished_at IS NULL;

CREATE TABLE erasure_files (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  erasure_id TEXT NOT NULL REFERENCES erasures (id),
  call_id TEXT NOT NULL,
  object_key TEXT NOT NULL,
  PRIMARY KEY (erasure_id, call_id)
) STRICT, WITHOUT ROWID;

-- A caller's calls are found by the number, and by the contact where they know it.
CREATE INDEX calls_by_customer ON calls (org_id, customer_number, created_at) WHERE customer_number <> '';
CREATE INDEX calls_by_contact ON calls (org_id, contact_id) WHERE contact_id <> '';
CREATE INDEX messages_by_number ON messages (org_id, number) WHERE number <> '';
CREATE INDEX appointments_by_contact ON appointments (org_id, contact_id) WHERE contact_id <> '';
