-- Each ('merge', -500) left empty levels behind for good, and beyond 2,000 of them FTS5 takes its own record
-- for corrupt. An index has a dozen by itself. First, because whatever else looks at the schema opens the index.
UPDATE calls_search_data SET block = search_gathered(block) WHERE id = 10 AND length(block) > 300;
UPDATE calls_words_data SET block = search_gathered(block) WHERE id = 10 AND length(block) > 300;
-- Reads the record anew.
INSERT INTO calls_search (calls_search, rank) VALUES ('merge', 0);
INSERT INTO calls_words (calls_words, rank) VALUES ('merge', 0);

-- Both search indexes are rewritten in rounds (store/erasure.h). A round takes what is in them when it begins;
-- what an erasure has deleted is gone with the first round that begins after it.
CREATE TABLE search_rounds (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  begun INTEGER NOT NULL,
  done INTEGER NOT NULL
) STRICT;
INSERT INTO search_rounds VALUES (1, 0, 0);

ALTER TABLE erasures DROP COLUMN search_merged_at;
ALTER TABLE erasures ADD COLUMN search_round INTEGER NOT NULL DEFAULT 1;

-- A merge that is asked for takes two segments; by default it waits for four of one level.
INSERT INTO calls_search (calls_search, rank) VALUES ('usermerge', 2);
INSERT INTO calls_words (calls_words, rank) VALUES ('usermerge', 2);
