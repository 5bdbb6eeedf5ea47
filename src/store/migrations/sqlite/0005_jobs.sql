-- Work to be done once, by whichever node claims it first. org_id is empty for the server's own.
CREATE TABLE jobs (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL, -- JSON
  status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'failed')), -- a done one is gone
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at INTEGER NOT NULL, -- while running: when the lease ends
  last_error TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_due ON jobs (kind, next_attempt_at) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_by_org ON jobs (org_id, kind);

-- Scheduled runs: the key is what makes a run happen once across all nodes.
CREATE TABLE job_runs (
  name TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  outcome TEXT NOT NULL DEFAULT '', -- empty while it runs
  report TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (name, due_at)
) STRICT, WITHOUT ROWID;
