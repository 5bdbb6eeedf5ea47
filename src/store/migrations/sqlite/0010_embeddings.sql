-- Where a document stands with its embeddings: embedding_due_at makes the documents themselves the durable
-- queue (NULL: nothing waits), embedding_attempts is the version that a claim must match.
ALTER TABLE knowledge_base ADD COLUMN embedding_model TEXT NOT NULL DEFAULT ''; -- that every chunk has a vector of
ALTER TABLE knowledge_base ADD COLUMN embedding_due_at INTEGER;
ALTER TABLE knowledge_base ADD COLUMN embedding_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE knowledge_base ADD COLUMN embedding_error TEXT NOT NULL DEFAULT '';
UPDATE knowledge_base SET embedding_due_at = updated_at;

CREATE INDEX knowledge_base_by_embedding_due ON knowledge_base (embedding_due_at)
  WHERE embedding_due_at IS NOT NULL;
CREATE INDEX knowledge_base_by_embedding_model ON knowledge_base (embedding_model);

-- Where in its document a chunk stood.
ALTER TABLE knowledge_base_chunks ADD COLUMN page INTEGER;
ALTER TABLE knowledge_base_chunks ADD COLUMN starts_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE knowledge_base_chunks ADD COLUMN ends_at INTEGER NOT NULL DEFAULT 0;

-- Vectors have a table of their own, so that finding words never reads past six kilobytes of one. What took
-- their place in the chunks was never written.
ALTER TABLE knowledge_base_chunks DROP COLUMN embedding;
ALTER TABLE knowledge_base_chunks DROP COLUMN embedding_model;

CREATE TABLE knowledge_base_vectors (
  chunk_seq INTEGER PRIMARY KEY REFERENCES knowledge_base_chunks (seq) ON DELETE CASCADE,
  org_id TEXT NOT NULL,
  model TEXT NOT NULL, -- before the vector, whose pages are not read for it
  vector BLOB NOT NULL -- little-endian floats, of length one
) STRICT;

CREATE INDEX knowledge_base_vectors_by_org ON knowledge_base_vectors (org_id);
CREATE INDEX knowledge_base_vectors_by_model ON knowledge_base_vectors (model);

-- How long a model's vectors are, so that a provider that changes them under the same name is noticed.
CREATE TABLE embedding_models (
  model TEXT PRIMARY KEY,
  dimensions INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Counts what changes an organization's vectors, so that who keeps them in memory knows when to look again.
CREATE TABLE knowledge_base_versions (
  org_id TEXT PRIMARY KEY,
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
