CREATE TABLE knowledge_base (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  title TEXT NOT NULL,
  file_name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  chunk_count INTEGER NOT NULL,
  embedded_chunks INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (org_id, id)
) STRICT;

CREATE INDEX knowledge_base_by_created ON knowledge_base (org_id, created_at);

CREATE TABLE knowledge_base_chunks (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  knowledge_base_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  heading TEXT NOT NULL,
  text TEXT NOT NULL,
  embedding BLOB, -- little-endian floats; NULL while it waits for one
  embedding_model TEXT NOT NULL DEFAULT '',
  UNIQUE (org_id, id),
  FOREIGN KEY (org_id, knowledge_base_id) REFERENCES knowledge_base (org_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX knowledge_base_chunks_by_document ON knowledge_base_chunks (knowledge_base_id, position);
CREATE INDEX knowledge_base_chunks_by_org ON knowledge_base_chunks (org_id);

-- org_id is indexed too: a search names its organization, and meets nobody else's postings. A heading
-- weighs twice as much as the text under it.
CREATE VIRTUAL TABLE knowledge_base_chunks_fts USING fts5 (
  org_id, heading, text,
  content = 'knowledge_base_chunks', content_rowid = 'seq', tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rank) VALUES ('rank', 'bm25(0.0, 2.0, 1.0)');

CREATE TRIGGER knowledge_base_chunks_inserted AFTER INSERT ON knowledge_base_chunks BEGIN
  INSERT INTO knowledge_base_chunks_fts (rowid, org_id, heading, text)
    VALUES (new.seq, new.org_id, new.heading, new.text);
END;

CREATE TRIGGER knowledge_base_chunks_deleted AFTER DELETE ON knowledge_base_chunks BEGIN
  INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rowid, org_id, heading, text)
    VALUES ('delete', old.seq, old.org_id, old.heading, old.text);
END;

CREATE TRIGGER knowledge_base_chunks_changed AFTER UPDATE OF heading, text ON knowledge_base_chunks BEGIN
  INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rowid, org_id, heading, text)
    VALUES ('delete', old.seq, old.org_id, old.heading, old.text);
  INSERT INTO knowledge_base_chunks_fts (rowid, org_id, heading, text)
    VALUES (new.seq, new.org_id, new.heading, new.text);
END;

CREATE TABLE knowledge_gaps (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  call_id TEXT NOT NULL,
  question TEXT NOT NULL,
  question_key TEXT NOT NULL, -- without case, spacing and punctuation: asked again, it counts up
  asked INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  answered_at INTEGER,
  answer_id TEXT NOT NULL DEFAULT '', -- the document that the answer became
  UNIQUE (org_id, id),
  UNIQUE (org_id, question_key)
) STRICT;

CREATE INDEX knowledge_gaps_open ON knowledge_gaps (org_id, created_at) WHERE answered_at IS NULL;
