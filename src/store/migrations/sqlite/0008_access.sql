-- Who may come in. An account is a person with a password on this server; a membership says what a
-- subject (an account's id, or the `sub` of an identity provider's tokens) is in an organization.
CREATE TABLE accounts (
  id TEXT NOT NULL PRIMARY KEY,
  email TEXT NOT NULL, -- lower case
  name TEXT NOT NULL,
  password TEXT NOT NULL, -- Argon2id with its salt and cost
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX accounts_by_email ON accounts (email);

CREATE TABLE memberships (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  subject TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'viewer')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_by_subject ON memberships (subject, org_id);
CREATE INDEX memberships_of_owners ON memberships (org_id, subject) WHERE role = 'owner';

-- An accepted or withdrawn invitation is gone.
CREATE TABLE invitations (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  email TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'viewer')),
  token_hash TEXT NOT NULL,
  invited_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX invitations_by_token ON invitations (token_hash);
CREATE UNIQUE INDEX invitations_by_email ON invitations (org_id, email);

-- A login and the refresh tokens that follow from it. `generation` is that of the one token that is
-- good; an earlier one shown again was stolen, and the session ends. An ended session is gone.
CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  org_id TEXT NOT NULL REFERENCES organizations (id),
  account_id TEXT NOT NULL REFERENCES accounts (id),
  generation INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  refreshed_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_account ON sessions (account_id, org_id);
CREATE INDEX sessions_by_org ON sessions (org_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- A revoked key is gone.
CREATE TABLE api_keys (
  org_id TEXT NOT NULL REFERENCES organizations (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  hash TEXT NOT NULL, -- keyed
  hint TEXT NOT NULL, -- its last characters, to know it by
  scopes TEXT NOT NULL, -- "read,calls"
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER,
  PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (hash);
