-- A scheduled job's place in its time table. The row is also the lease by which one process of all runs
-- it: who holds it renews it, and a dead one's runs out.
CREATE TABLE job_schedules (
  name TEXT NOT NULL PRIMARY KEY,
  done_until INTEGER NOT NULL, -- the due times up to here are done with
  retry_at INTEGER NOT NULL DEFAULT 0,
  run_id TEXT NOT NULL DEFAULT '', -- the run that holds the lease
  lease_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

ALTER TABLE job_runs RENAME TO earlier_job_runs;
CREATE TABLE job_runs (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
  name TEXT NOT NULL,
  due_at INTEGER, -- NULL: asked for by hand
  dry_run INTEGER NOT NULL DEFAULT 0,
  force INTEGER NOT NULL DEFAULT 0,
  node_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  -- stopped: it would have deleted more than it may; abandoned: its process died or lost the lease.
  outcome TEXT NOT NULL DEFAULT 'running'
    CHECK (outcome IN ('running', 'done', 'stopped', 'failed', 'abandoned')),
  report TEXT NOT NULL DEFAULT '{}'
) STRICT;

INSERT INTO job_runs (name, due_at, node_id, started_at, finished_at, outcome, report)
  SELECT name, due_at, node_id, started_at, finished_at,
    CASE WHEN finished_at IS NULL THEN 'abandoned' ELSE 'done' END, report FROM earlier_job_runs;
DROP TABLE earlier_job_runs;

CREATE INDEX job_runs_by_start ON job_runs (started_at);
CREATE INDEX job_runs_running ON job_runs (name) WHERE outcome = 'running';
