-- An organization's receipts are listed, in the order in which they were asked for.
CREATE INDEX erasures_of_org ON erasures (org_id, id);
