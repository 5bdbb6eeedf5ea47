-- A search meets its own organization's entries only: the end of the organization's id is indexed with
-- each call (all of it would cost more than it sorts out), and a call's words carry it as one word of
-- their own. What an index lets through is compared with calls.org_id all the same.
CREATE VIEW calls_searchable (seq, org_tail, customer_number, customer_name, summary) AS
  SELECT seq, substr(org_id, -12), customer_number, customer_name, summary FROM calls;

DROP TRIGGER calls_search_inserted;
DROP TRIGGER calls_search_changed;
DROP TRIGGER calls_search_deleted;
DROP TABLE calls_search;

-- Any three characters in a row are found: the last digits of a number, the middle of a name. It holds
-- the calls that have ended; the few open ones are found by calls_open_by_org.
CREATE VIRTUAL TABLE calls_search USING fts5 (
  org_tail, customer_number, customer_name, summary,
  content = 'calls_searchable', content_rowid = 'seq', tokenize = 'trigram', columnsize = 0
);
INSERT INTO calls_search (rowid, org_tail, customer_number, customer_name, summary)
  SELECT s.seq, s.org_tail, s.customer_number, s.customer_name, s.summary
  FROM calls c JOIN calls_searchable s ON s.seq = c.seq WHERE c.ended_at IS NOT NULL;

CREATE TRIGGER calls_search_inserted AFTER UPDATE OF ended_at ON calls
WHEN old.ended_at IS NULL AND new.ended_at IS NOT NULL BEGIN
  INSERT INTO calls_search (rowid, org_tail, customer_number, customer_name, summary)
    VALUES (new.seq, substr(new.org_id, -12), new.customer_number, new.customer_name, new.summary);
END;

CREATE TRIGGER calls_search_changed AFTER UPDATE OF customer_number, customer_name, summary ON calls
WHEN old.ended_at IS NOT NULL BEGIN
  INSERT INTO calls_search (calls_search, rowid, org_tail, customer_number, customer_name, summary)
    VALUES ('delete', old.seq, substr(old.org_id, -12), old.customer_number, old.customer_name, old.summary);
  INSERT INTO calls_search (rowid, org_tail, customer_number, customer_name, summary)
    VALUES (new.seq, substr(new.org_id, -12), new.customer_number, new.customer_name, new.summary);
END;

CREATE TRIGGER calls_search_deleted AFTER DELETE ON calls WHEN old.ended_at IS NOT NULL BEGIN
  INSERT INTO calls_search (calls_search, rowid, org_tail, customer_number, customer_name, summary)
    VALUES ('delete', old.seq, substr(old.org_id, -12), old.customer_number, old.customer_name, old.summary);
END;

-- What was said in each call that has ended, by whole words, one row a call under its seq. It keeps its
-- text, so that an entry can be taken out whatever has become of the turns.
CREATE VIRTUAL TABLE calls_words USING fts5 (
  words, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0
);
INSERT INTO calls_words (rowid, words)
  SELECT c.seq, 'org' || hex(c.org_id) || ' ' || (
    SELECT group_concat(t.text, char(10)) FROM call_transcripts t WHERE t.call_id = c.id AND t.org_id = c.org_id)
  FROM calls c WHERE c.ended_at IS NOT NULL AND c.has_transcript = 1;

CREATE TRIGGER calls_words_ended AFTER UPDATE OF ended_at ON calls
WHEN old.ended_at IS NULL AND new.ended_at IS NOT NULL AND new.has_transcript = 1 BEGIN
  INSERT INTO calls_words (rowid, words)
    SELECT new.seq, 'org' || hex(new.org_id) || ' ' || group_concat(t.text, char(10))
    FROM call_transcripts t WHERE t.call_id = new.id AND t.org_id = new.org_id;
END;

CREATE TRIGGER calls_words_deleted AFTER DELETE ON calls WHEN old.ended_at IS NOT NULL BEGIN
  DELETE FROM calls_words WHERE rowid = old.seq;
END;

-- A turn that comes, changes or goes after the end.
CREATE TRIGGER calls_words_turn_added AFTER INSERT ON call_transcripts
WHEN EXISTS (SELECT 1 FROM calls c WHERE c.org_id = new.org_id AND c.id = new.call_id AND c.ended_at IS NOT NULL)
BEGIN
  DELETE FROM calls_words
    WHERE rowid = (SELECT c.seq FROM calls c WHERE c.org_id = new.org_id AND c.id = new.call_id);
  INSERT INTO calls_words (rowid, words)
    SELECT c.seq, 'org' || hex(c.org_id) || ' ' || (
      SELECT group_concat(t.text, char(10)) FROM call_transcripts t WHERE t.call_id = c.id AND t.org_id = c.org_id)
    FROM calls c WHERE c.org_id = new.org_id AND c.id = new.call_id;
END;

CREATE TRIGGER calls_words_turn_changed AFTER UPDATE OF text ON call_transcripts
WHEN old.text <> new.text
  AND EXISTS (SELECT 1 FROM calls c WHERE c.org_id = new.org_id AND c.id = new.call_id AND c.ended_at IS NOT NULL)
BEGIN
  DELETE FROM calls_words
    WHERE rowid = (SELECT c.seq FROM calls c WHERE c.org_id = new.org_id AND c.id = new.call_id);
  INSERT INTO calls_words (rowid, words)
    SELECT c.seq, 'org' || hex(c.org_id) || ' ' || (
      SELECT group_concat(t.text, char(10)) FROM call_transcripts t WHERE t.call_id = c.id AND t.org_id = c.org_id)
    FROM calls c WHERE c.org_id = new.org_id AND c.id = new.call_id;
END;

CREATE TRIGGER calls_words_turn_deleted AFTER DELETE ON call_transcripts
WHEN EXISTS (SELECT 1 FROM calls c WHERE c.org_id = old.org_id AND c.id = old.call_id AND c.ended_at IS NOT NULL)
BEGIN
  DELETE FROM calls_words
    WHERE rowid = (SELECT c.seq FROM calls c WHERE c.org_id = old.org_id AND c.id = old.call_id);
  INSERT INTO calls_words (rowid, words)
    SELECT c.seq, 'org' || hex(c.org_id) || ' ' || coalesce((
      SELECT group_concat(t.text, char(10)) FROM call_transcripts t WHERE t.call_id = c.id AND t.org_id = c.org_id), '')
    FROM calls c WHERE c.org_id = old.org_id AND c.id = old.call_id;
END;
