-- Who is still to be erased, until the batch that does it: whatever interrupts an erasure, it goes on with
-- these. Until then it is not finished, whichever version of the program looks at it.
ALTER TABLE erasures ADD COLUMN contact_id TEXT NOT NULL DEFAULT ''
  CHECK (contact_id = '' OR finished_at IS NULL);
ALTER TABLE erasures ADD COLUMN number TEXT NOT NULL DEFAULT '';

-- The appointment or message that a delivery tells of; a call's are found by its own column.
ALTER TABLE webhook_deliveries ADD COLUMN subject_id TEXT GENERATED ALWAYS AS
  (CASE WHEN substr(type, 1, 5) <> 'call.' AND json_valid(payload)
    THEN CAST(json_extract(payload, '$.data.id') AS TEXT) END) VIRTUAL;
CREATE INDEX webhook_deliveries_by_subject ON webhook_deliveries (subject_id, org_id)
  WHERE subject_id IS NOT NULL;
-- Whose the appointment was when it was told; it may be another's by now.
ALTER TABLE webhook_deliveries ADD COLUMN contact_id TEXT GENERATED ALWAYS AS
  (CASE WHEN substr(type, 1, 12) = 'appointment.' AND json_valid(payload)
    THEN CAST(json_extract(payload, '$.data.contactId') AS TEXT) END) VIRTUAL;
CREATE INDEX webhook_deliveries_by_contact ON webhook_deliveries (org_id, contact_id)
  WHERE contact_id IS NOT NULL;

-- The message that a mail tells of, or empty. A mail lies sealed: of those that wait it is known where their
-- call has a single message.
ALTER TABLE mails ADD COLUMN message_id TEXT NOT NULL DEFAULT '';
UPDATE mails SET message_id = coalesce((
  SELECT max(m.id) FROM messages m WHERE m.org_id = mails.org_id AND m.call_id = mails.call_id
  GROUP BY m.call_id HAVING count(*) = 1), '') WHERE call_id <> '';
CREATE INDEX mails_by_message ON mails (message_id) WHERE message_id <> '';

-- Whether the next round rewrites the index of the knowledge's words too, and whether this one does.
ALTER TABLE search_rounds ADD COLUMN knowledge_due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE search_rounds ADD COLUMN knowledge_taken INTEGER NOT NULL DEFAULT 0;
INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rank) VALUES ('usermerge', 2);
