CREATE TABLE messages (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  call_id TEXT NOT NULL,
  caller_name TEXT NOT NULL,
  number TEXT NOT NULL,
  text TEXT NOT NULL,
  urgency TEXT NOT NULL CHECK (urgency IN ('normal', 'urgent')),
  handled_by TEXT NOT NULL DEFAULT '',
  handled_at INTEGER,
  created_at INTEGER NOT NULL,
  UNIQUE (org_id, id)
) STRICT;

CREATE INDEX messages_by_created ON messages (org_id, created_at);
CREATE INDEX messages_by_call ON messages (org_id, call_id);

CREATE TABLE contacts (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  number TEXT NOT NULL, -- E.164, or empty
  email TEXT NOT NULL DEFAULT '',
  notes TEXT NOT NULL DEFAULT '',
  last_call_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (org_id, id)
) STRICT;

CREATE INDEX contacts_by_created ON contacts (org_id, created_at);
CREATE UNIQUE INDEX contacts_by_number ON contacts (org_id, number) WHERE number <> '';

CREATE TABLE appointments (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  contact_id TEXT NOT NULL DEFAULT '',
  call_id TEXT NOT NULL DEFAULT '', -- the call that booked it
  staff TEXT NOT NULL,
  service TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('booked', 'cancelled', 'completed', 'no-show')),
  notes TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (org_id, id),
  CHECK (starts_at < ends_at)
) STRICT;

CREATE INDEX appointments_by_start ON appointments (org_id, starts_at);
CREATE INDEX appointments_by_staff ON appointments (org_id, staff, starts_at) WHERE status = 'booked';

-- A booking first bumps its day's version, so that two writers of one day meet here and the guard
-- against overlap sees what the other did.
CREATE TABLE appointment_days (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  staff TEXT NOT NULL,
  day INTEGER NOT NULL, -- its first millisecond, UTC
  version INTEGER NOT NULL,
  PRIMARY KEY (org_id, staff, day)
) STRICT, WITHOUT ROWID;
