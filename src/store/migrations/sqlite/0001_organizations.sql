-- Times are integers: milliseconds since 1970-01-01T00:00:00Z. Flags are 0 or 1. An empty text means
-- "none" where a reader has no use for the difference; NULL where it has.

CREATE TABLE organizations (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  timezone TEXT NOT NULL DEFAULT 'UTC',
  max_concurrent_calls INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  erased_at INTEGER -- a tombstone: the id stays refused
) STRICT, WITHOUT ROWID;

-- Ids may come from outside, so they are unique within their organization only.
CREATE TABLE assistants (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  greeting TEXT NOT NULL,
  instructions TEXT NOT NULL,
  voice TEXT NOT NULL,
  goodbye TEXT NOT NULL,
  idle_prompt_after_ms INTEGER NOT NULL,
  max_duration_ms INTEGER NOT NULL,
  record INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE phone_numbers (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  assistant_id TEXT NOT NULL,
  number TEXT NOT NULL, -- E.164; empty for the built-in callee
  carrier TEXT NOT NULL CHECK (carrier IN ('sip', 'twilio', 'vapi', 'builtin')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, assistant_id) REFERENCES assistants (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX phone_numbers_by_assistant ON phone_numbers (org_id, assistant_id);
-- A number rings at one organization.
CREATE UNIQUE INDEX phone_numbers_by_number ON phone_numbers (number) WHERE number <> '';

-- The processes that serve: what an earlier boot of a node held is nobody's any more.
CREATE TABLE nodes (
  id TEXT NOT NULL PRIMARY KEY,
  boot_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
