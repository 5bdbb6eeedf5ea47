-- What is told outward: webhooks and e-mail. Each is queued by the very batch that it tells of.

-- Who receives the messages taken; nobody here: the owners.
CREATE TABLE message_recipients (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  email TEXT NOT NULL, -- lower case
  PRIMARY KEY (org_id, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhooks (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  events TEXT NOT NULL, -- ",call.started,message.taken,"
  enabled INTEGER NOT NULL,
  secret TEXT NOT NULL, -- sealed
  previous_secret TEXT NOT NULL DEFAULT '', -- sealed; signs too until then
  previous_until INTEGER,
  failures INTEGER NOT NULL DEFAULT 0, -- in a row
  held INTEGER NOT NULL DEFAULT 0, -- by a lease
  blocked_until INTEGER NOT NULL DEFAULT 0, -- the end of the lease, or of a pause after failures
  due_at INTEGER, -- when there is something to do, and it may be done; NULL: nothing is queued
  claims INTEGER NOT NULL DEFAULT 0, -- the lease's version
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_due ON webhooks (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE webhook_deliveries (
  seq INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  call_id TEXT NOT NULL, -- of which it tells, or empty
  payload TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('queued', 'delivered', 'dead')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL,
  give_up_at INTEGER NOT NULL,
  last_attempt_at INTEGER,
  last_status INTEGER, -- of the answer's HTTP
  last_error TEXT NOT NULL DEFAULT '', -- a code
  finished_at INTEGER,
  created_at INTEGER NOT NULL,
  UNIQUE (org_id, webhook_id, event_id),
  FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX webhook_deliveries_by_created ON webhook_deliveries (org_id, webhook_id, created_at);
CREATE INDEX webhook_deliveries_queued ON webhook_deliveries (org_id, webhook_id, next_attempt_at)
  WHERE status = 'queued';
CREATE INDEX webhook_deliveries_by_call ON webhook_deliveries (org_id, call_id) WHERE call_id <> '';
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- One row for each person a mail goes to; a sent one is gone.
CREATE TABLE mails (
  id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  call_id TEXT NOT NULL, -- of which it tells, or empty
  status TEXT NOT NULL CHECK (status IN ('queued', 'failed')),
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL, -- while it is being sent: when the lease ends
  give_up_at INTEGER NOT NULL,
  last_error TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  PRIMARY KEY (id, recipient)
) STRICT, WITHOUT ROWID;

CREATE INDEX mails_due ON mails (next_attempt_at) WHERE status = 'queued';
CREATE INDEX mails_by_call ON mails (org_id, call_id) WHERE call_id <> '';
CREATE INDEX mails_failed ON mails (created_at) WHERE status = 'failed';

CREATE INDEX appointments_by_staff_start ON appointments (org_id, staff, starts_at);
