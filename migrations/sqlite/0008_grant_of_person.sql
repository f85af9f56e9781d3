-- One grant a person. The sandbox consents by itself, so there an account has one as such: its freelancer is ''.
CREATE TABLE grant_of_person (
  account_id    TEXT NOT NULL REFERENCES account (id),
  freelancer_id TEXT NOT NULL,
  endpoint      TEXT NOT NULL,
  org_uid       TEXT,
  client_id     TEXT NOT NULL,
  sealed        BLOB NOT NULL,
  -- Raised by each pair of tokens that takes the place of another.
  pair          INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL,
  dead          INTEGER NOT NULL CHECK (dead = 0 OR dead = 1),
  updated_at    INTEGER NOT NULL,
  -- Who spends the refresh token, which is good for one use, and until when nobody else may.
  refresh_by    TEXT,
  refresh_until INTEGER,
  -- Refreshes that failed for the moment, in a row, and when the next may be tried.
  failures      INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
  retry_at      INTEGER,
  PRIMARY KEY (account_id, freelancer_id),
  CHECK ((refresh_by IS NULL) = (refresh_until IS NULL))
) STRICT;
INSERT INTO grant_of_person
  (account_id, freelancer_id, endpoint, org_uid, client_id, sealed, pair, expires_at, dead, updated_at)
  SELECT account_id, '', endpoint, org_uid, client_id, sealed, 1, expires_at, dead, updated_at FROM oauth_grant;
DROP TABLE oauth_grant;
ALTER TABLE grant_of_person RENAME TO oauth_grant;
CREATE INDEX oauth_grant_of_org ON oauth_grant (endpoint, org_uid) WHERE freelancer_id <> '';

-- The number of a job that was named by an old ciphertext, once it was looked up.
CREATE TABLE job_number (
  account_id   TEXT NOT NULL REFERENCES account (id),
  job_key      TEXT NOT NULL,
  numbered_key TEXT NOT NULL,
  PRIMARY KEY (account_id, job_key)
) STRICT;
