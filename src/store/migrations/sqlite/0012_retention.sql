-- How long an organization keeps its records, in days; NULL: the server's own default, or for ever.
ALTER TABLE organizations ADD COLUMN recording_retention_days INTEGER;
ALTER TABLE organizations ADD COLUMN call_retention_days INTEGER;

-- Said before a call is recorded. NULL: the organization's.
ALTER TABLE organizations ADD COLUMN consent_announcement TEXT NOT NULL DEFAULT '';
ALTER TABLE assistants ADD COLUMN consent_announcement TEXT;

CREATE INDEX calls_stored ON calls (org_id, created_at) WHERE recording_status = 'stored';
CREATE INDEX knowledge_gaps_by_call ON knowledge_gaps (org_id, call_id);
CREATE INDEX appointments_by_call ON appointments (org_id, call_id) WHERE call_id <> '';
CREATE INDEX invitations_by_expiry ON invitations (expires_at);
