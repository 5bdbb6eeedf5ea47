-- Whose lease a claim is: a boot of the node, so that a restart takes up only what is nobody's.
ALTER TABLE recording_upload_queue ADD COLUMN boot_id TEXT NOT NULL DEFAULT '';
