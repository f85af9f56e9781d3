-- Times are Unix milliseconds. CHECK constraints state the rules that no code may break.
-- They are written with OR rather than IN: SQLite builds a table in memory for each longer list, at each write.

CREATE TABLE meta (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE account (
  id         TEXT NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  channel    TEXT NOT NULL CHECK (channel = 'sandbox' OR channel = 'upwork' OR channel = 'desk'),
  created_at INTEGER NOT NULL,
  available  INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
  held       INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
  spent      INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0)
) STRICT;

-- Of a key only its SHA-256 is kept.
CREATE TABLE api_key (
  id         TEXT NOT NULL PRIMARY KEY,
  account_id TEXT NOT NULL REFERENCES account (id),
  name       TEXT NOT NULL,
  sha256     BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  created_at INTEGER NOT NULL,
  -- Valid before this; null: without end.
  expires_at INTEGER
) STRICT;
CREATE INDEX api_key_of_account ON api_key (account_id, name);

CREATE TABLE freelancer (
  account_id TEXT NOT NULL REFERENCES account (id),
  id         TEXT NOT NULL,
  name       TEXT NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (account_id, id)
) STRICT;

CREATE TABLE profile (
  account_id        TEXT NOT NULL,
  id                TEXT NOT NULL,
  freelancer_id     TEXT NOT NULL,
  title             TEXT NOT NULL,
  hourly_rate_cents INTEGER NOT NULL CHECK (hourly_rate_cents > 0),
  is_default        INTEGER NOT NULL CHECK (is_default = 0 OR is_default = 1),
  position          INTEGER NOT NULL,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, freelancer_id) REFERENCES freelancer (account_id, id)
) STRICT;

-- One OAuth client an endpoint, one grant an account; tokens are sealed.
CREATE TABLE oauth_client (
  endpoint   TEXT NOT NULL PRIMARY KEY,
  client_id  TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE oauth_grant (
  account_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
  endpoint   TEXT NOT NULL,
  org_uid    TEXT,
  client_id  TEXT NOT NULL,
  sealed     BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  dead       INTEGER NOT NULL CHECK (dead = 0 OR dead = 1),
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE application (
  id                 TEXT NOT NULL PRIMARY KEY,
  account_id         TEXT NOT NULL REFERENCES account (id),
  channel            TEXT NOT NULL CHECK (channel = 'sandbox' OR channel = 'upwork' OR channel = 'desk'),
  job_key            TEXT NOT NULL,
  processed_job_id   TEXT NOT NULL,
  accepted_at        INTEGER NOT NULL,
  -- Raised by each change of the row.
  version            INTEGER NOT NULL,
  state              TEXT NOT NULL CHECK (
    state = 'awaiting_approval' OR state = 'queued' OR state = 'leased' OR state = 'armed' OR state = 'intent'
    OR state = 'submitted' OR state = 'verifying' OR state = 'unknown' OR state = 'applied'
    OR state = 'not_available' OR state = 'not_eligible' OR state = 'not_enough_connects'
    OR state = 'logged_out' OR state = 'failed'),
  epoch              INTEGER NOT NULL CHECK (epoch >= 0),
  worker             TEXT,
  lease_until        INTEGER,
  attempts           INTEGER NOT NULL,
  lost_leases        INTEGER NOT NULL,
  logins_renewed     INTEGER NOT NULL,
  not_before         INTEGER NOT NULL,
  blocked            TEXT,
  cutoff             INTEGER NOT NULL,
  deadline           INTEGER NOT NULL CHECK (deadline >= cutoff),
  processed_at       INTEGER,
  applied_at         INTEGER,
  submitted_at       INTEGER,
  permit_closed_at   INTEGER,
  negative_reads     INTEGER NOT NULL,
  look_at            INTEGER,
  -- When time alone brings the next change; null: never.
  due_at             INTEGER,
  code               TEXT,
  message            TEXT,
  preview_id         TEXT,
  preview_expires_at INTEGER,
  -- A person said that a job of unresolved outcome may be applied to again.
  guard_cleared_at   INTEGER,
  -- The request as it arrived: what is kept, and what the terms are read from.
  request            TEXT NOT NULL,
  CHECK ((state = 'applied') = (applied_at IS NOT NULL)),
  CHECK ((message IS NOT NULL) = (
    state = 'unknown' OR state = 'not_available' OR state = 'not_eligible' OR state = 'not_enough_connects'
    OR state = 'logged_out' OR state = 'failed')),
  CHECK ((message IS NULL) = (code IS NULL)),
  CHECK ((state <> 'leased' AND state <> 'armed') OR (worker IS NOT NULL AND lease_until IS NOT NULL))
) STRICT;

-- At most one application per (account, job) that is under way, applied or of unknown outcome.
CREATE UNIQUE INDEX application_job_guard ON application (account_id, job_key) WHERE
  (state <> 'failed' AND state <> 'not_available' AND state <> 'not_eligible'
    AND state <> 'not_enough_connects' AND state <> 'logged_out')
  OR (code = 'unresolved' AND guard_cleared_at IS NULL);
-- One application at a time per organisation; an organisation belongs to one account.
CREATE UNIQUE INDEX application_slot ON application (account_id)
  WHERE (state = 'leased' OR state = 'armed' OR state = 'intent' OR state = 'submitted' OR state = 'verifying');
-- In the order of time over all accounts: new ones go to its end, whosoever they are. The next of one account is
-- found by going through what waits before it. A person's queue is not a worker's.
CREATE INDEX application_ready ON application (not_before, account_id, cutoff, id)
  WHERE state = 'queued' AND channel <> 'desk';
CREATE INDEX application_look ON application (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX application_due ON application (due_at) WHERE due_at IS NOT NULL;
-- What the guard does not hold, so that a job has one entry in one of the two while it is under way.
CREATE INDEX application_ended ON application (account_id, job_key, id)
  WHERE (state = 'failed' OR state = 'not_available' OR state = 'not_eligible'
    OR state = 'not_enough_connects' OR state = 'logged_out');
CREATE INDEX application_of_uuid ON application (processed_job_id);

-- Written once, before the one send; never deleted.
CREATE TABLE intent (
  application_id TEXT NOT NULL PRIMARY KEY REFERENCES application (id),
  worker         TEXT NOT NULL,
  epoch          INTEGER NOT NULL,
  at             INTEGER NOT NULL,
  answer_by      INTEGER NOT NULL,
  terms_sha256   TEXT NOT NULL,
  closed         TEXT NOT NULL CHECK (
    closed = 'open' OR closed = 'submitted' OR closed = 'refused' OR closed = 'absent'),
  proposal_id    TEXT
) STRICT;
CREATE TRIGGER intent_is_written_once BEFORE UPDATE ON intent
  WHEN OLD.epoch <> NEW.epoch OR OLD.at <> NEW.at OR OLD.worker <> NEW.worker OR OLD.closed <> 'open'
  BEGIN SELECT RAISE(ABORT, 'an intent is written once and closed once'); END;
CREATE TRIGGER intent_stays BEFORE DELETE ON intent
  BEGIN SELECT RAISE(ABORT, 'an intent is never deleted'); END;

-- Double entry: a kind names where the credits come from and where they go, so each row sums to 0.
CREATE TABLE ledger_entry (
  seq            INTEGER PRIMARY KEY,
  account_id     TEXT NOT NULL REFERENCES account (id),
  application_id TEXT,
  kind           TEXT NOT NULL CHECK (
    kind = 'grant' OR kind = 'hold' OR kind = 'capture' OR kind = 'release' OR kind = 'write_off'),
  amount         INTEGER NOT NULL CHECK (amount > 0),
  at             INTEGER NOT NULL,
  CHECK ((kind = 'grant') = (application_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX ledger_hold_once ON ledger_entry (application_id) WHERE kind = 'hold';
CREATE UNIQUE INDEX ledger_settled_once ON ledger_entry (application_id)
  WHERE (kind = 'capture' OR kind = 'release' OR kind = 'write_off');
CREATE TRIGGER ledger_stays_as_written BEFORE UPDATE ON ledger_entry
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_stays BEFORE DELETE ON ledger_entry
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

-- One row per terminal transition and correction, written in its transaction, read in order of seq.
CREATE TABLE event (
  seq            INTEGER PRIMARY KEY,
  id             TEXT NOT NULL UNIQUE,
  account_id     TEXT NOT NULL,
  application_id TEXT NOT NULL,
  type           TEXT NOT NULL,
  at             INTEGER NOT NULL,
  data           TEXT NOT NULL
) STRICT;

-- What happened to an application, for people.
CREATE TABLE timeline (
  seq            INTEGER PRIMARY KEY,
  application_id TEXT NOT NULL,
  at             INTEGER NOT NULL,
  event          TEXT NOT NULL,
  detail         TEXT
) STRICT;
CREATE INDEX timeline_of_application ON timeline (application_id, seq);

CREATE TABLE idempotency (
  account_id TEXT NOT NULL,
  key        TEXT NOT NULL,
  sha256     TEXT NOT NULL,
  status     INTEGER NOT NULL,
  body       TEXT NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (account_id, key)
) STRICT;
CREATE INDEX idempotency_age ON idempotency (at);
