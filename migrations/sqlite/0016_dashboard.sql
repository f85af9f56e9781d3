-- The dashboard: people sign in by a link or a password. Of links and sessions only the SHA-256 is kept.

-- Argon2id, as a PHC string; null: only links.
ALTER TABLE person ADD COLUMN password TEXT;

-- Good for one use.
CREATE TABLE sign_in_link (
  sha256     BLOB NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
  person_id  TEXT NOT NULL REFERENCES person (id),
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_in_link_of_person ON sign_in_link (person_id);
CREATE INDEX sign_in_link_age ON sign_in_link (expires_at);

CREATE TABLE session (
  id              INTEGER PRIMARY KEY,
  person_id       TEXT NOT NULL REFERENCES person (id),
  sha256          BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  -- The token before it, which requests under way may still bring.
  previous_sha256 BLOB UNIQUE CHECK (length(previous_sha256) = 32),
  -- What its forms carry.
  csrf            TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  rotated_at      INTEGER NOT NULL,
  seen_at         INTEGER NOT NULL
) STRICT;
CREATE INDEX session_of_person ON session (person_id);
CREATE INDEX session_age ON session (seen_at);

-- Wrong passwords, and those that are being looked at.
CREATE TABLE sign_in_attempt (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL,
  address TEXT NOT NULL,
  at      INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_in_attempt_by_name ON sign_in_attempt (name, at);
CREATE INDEX sign_in_attempt_by_address ON sign_in_attempt (address, at);
CREATE INDEX sign_in_attempt_age ON sign_in_attempt (at);

-- For lists of one state: what is under way is in a small one, what has ended is written once. A query says which of
-- the two it is after, so none of the others is served by them. And for how long what has ended took.
CREATE INDEX application_open ON application (account_id, state, id) WHERE ended_at IS NULL;
CREATE INDEX application_over ON application (account_id, state, id) WHERE ended_at IS NOT NULL;
CREATE INDEX application_settled ON application (account_id, ended_at, accepted_at) WHERE ended_at IS NOT NULL;
-- What was told of one application, and to whom.
CREATE INDEX event_of_application ON event (application_id);
