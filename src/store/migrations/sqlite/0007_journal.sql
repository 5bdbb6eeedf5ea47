-- Of each stream of batches that may be given twice (a call's records), the last that was applied: it
-- changes with the batch itself, so that none is applied a second time.
CREATE TABLE applied_batches (
  stream TEXT NOT NULL PRIMARY KEY, -- a ULID: they lie in the order of their beginning
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which database this is, through all its backups: what was journalled for one is not put into another.
CREATE TABLE database_identity (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  id TEXT NOT NULL
) STRICT;
INSERT INTO database_identity VALUES (1, lower(hex(randomblob(16))));
