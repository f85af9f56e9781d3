-- People who act under their own name. Of a token only its SHA-256 is kept.
CREATE TABLE person (
  id         TEXT NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  account_id TEXT NOT NULL REFERENCES account (id),
  role       TEXT NOT NULL CHECK (role = 'viewer' OR role = 'desk' OR role = 'approver' OR role = 'admin'),
  sha256     BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
-- Others know a person by the name; that of a revoked one may be given again.
CREATE UNIQUE INDEX person_name ON person (name) WHERE revoked_at IS NULL;

-- Who at the desk has it, or had it last.
ALTER TABLE application ADD COLUMN person_id TEXT REFERENCES person (id);
CREATE INDEX application_at_desk ON application (account_id, id)
  WHERE channel = 'desk' AND (state = 'queued' OR state = 'leased' OR state = 'armed' OR state = 'intent'
    OR state = 'submitted' OR state = 'verifying' OR state = 'unknown');
-- What waits for a person's word about what the site shows.
CREATE INDEX application_unresolved ON application (id)
  WHERE (state = 'verifying' OR state = 'unknown' OR (code = 'unresolved' AND guard_cleared_at IS NULL));
