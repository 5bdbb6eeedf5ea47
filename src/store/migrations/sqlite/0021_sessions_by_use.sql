-- An account's sessions are bounded: the longest unused gives way.
CREATE INDEX sessions_by_use ON sessions (account_id, refreshed_at);
DROP INDEX sessions_by_account;
