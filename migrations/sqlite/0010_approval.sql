-- Who must approve, what was shown to a person, what was decided; and how many Connects may be spent.

-- Null: what the channel takes by default.
ALTER TABLE account ADD COLUMN approval TEXT CHECK (approval = 'none' OR approval = 'required');
-- How many different persons must approve one application.
ALTER TABLE account ADD COLUMN approvers INTEGER NOT NULL DEFAULT 1 CHECK (approvers = 1 OR approvers = 2);
-- The operator has agreed that this key's calls are a person's decisions, up to so many Connects for each proposal.
ALTER TABLE api_key ADD COLUMN by_request_connects INTEGER CHECK (by_request_connects >= 0);
ALTER TABLE api_key ADD COLUMN acknowledged_by TEXT;
ALTER TABLE api_key ADD COLUMN acknowledged_at INTEGER;

ALTER TABLE application ADD COLUMN key_id TEXT;
ALTER TABLE application ADD COLUMN policy TEXT NOT NULL DEFAULT 'none'
  CHECK (policy = 'none' OR policy = 'by_request' OR policy = 'required' OR policy = 'desk');
ALTER TABLE application ADD COLUMN approve_by INTEGER NOT NULL DEFAULT 0;
-- The ceiling of Connects where the request names none.
ALTER TABLE application ADD COLUMN ceiling_connects INTEGER;
-- A person wants to look at its preview.
ALTER TABLE application ADD COLUMN open_asked_at INTEGER;
-- It keeps the preview slot for a person, or for what that person has approved.
ALTER TABLE application ADD COLUMN opened_until INTEGER;
ALTER TABLE application ADD COLUMN approval_sha256 TEXT;
ALTER TABLE application ADD COLUMN approval_expires_at INTEGER;
-- What was last shown of it.
ALTER TABLE application ADD COLUMN showing_id TEXT;
UPDATE application SET policy = 'desk' WHERE channel = 'desk';

-- People at the desk do not wait for each other; whoever looks at a preview keeps its slot.
DROP INDEX application_slot;
CREATE UNIQUE INDEX application_slot ON application (account_id)
  WHERE channel <> 'desk' AND (state = 'leased' OR state = 'armed' OR state = 'intent' OR state = 'submitted'
    OR state = 'verifying'
    OR (opened_until IS NOT NULL AND (state = 'awaiting_approval' OR state = 'queued')));
CREATE INDEX application_to_open ON application (open_asked_at, account_id, id)
  WHERE state = 'awaiting_approval' AND open_asked_at IS NOT NULL;
CREATE INDEX application_awaiting ON application (account_id, id) WHERE state = 'awaiting_approval';

-- A preview as it was shown to a person, or why none could be.
CREATE TABLE showing (
  id                 TEXT NOT NULL PRIMARY KEY,
  application_id     TEXT NOT NULL REFERENCES application (id),
  at                 INTEGER NOT NULL,
  failure            TEXT,
  sha256             TEXT,
  preview_id         TEXT,
  preview_expires_at INTEGER,
  cost_connects      INTEGER,
  balance_connects   INTEGER,
  agency             TEXT,
  -- What would be sent, as JSON, and remarks; erased when the task is long over.
  terms              TEXT,
  remarks            TEXT,
  CHECK ((failure IS NULL) = (sha256 IS NOT NULL)),
  CHECK ((sha256 IS NULL) = (preview_id IS NULL)),
  CHECK ((sha256 IS NULL) = (cost_connects IS NULL))
) STRICT;
CREATE INDEX showing_of_application ON showing (application_id, id);

-- Who decided what about which hash.
CREATE TABLE decision (
  seq            INTEGER PRIMARY KEY,
  application_id TEXT NOT NULL REFERENCES application (id),
  showing_id     TEXT,
  sha256         TEXT,
  preview_id     TEXT,
  -- Cost and boost as shown.
  connects       INTEGER,
  verdict        TEXT NOT NULL CHECK (verdict = 'approved' OR verdict = 'declined' OR verdict = 'by_request'),
  -- A person's name; the id of a key for what it decided by its own call.
  decided_by     TEXT NOT NULL,
  -- Where the decision came from: an address, or the command line.
  address        TEXT NOT NULL,
  reason         TEXT,
  at             INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_of_application ON decision (application_id, seq);
CREATE TRIGGER decision_stays_as_written BEFORE UPDATE ON decision
  BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END;
CREATE TRIGGER decision_stays BEFORE DELETE ON decision
  BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END;

-- Limits that the operator sets; key_id '': of the whole account. Null: no limit.
CREATE TABLE connects_limit (
  account_id   TEXT NOT NULL REFERENCES account (id),
  key_id       TEXT NOT NULL,
  per_proposal INTEGER CHECK (per_proposal >= 0),
  boost        INTEGER CHECK (boost >= 0),
  per_day      INTEGER CHECK (per_day >= 0),
  PRIMARY KEY (account_id, key_id)
) STRICT;

-- What each intent costs, for the sum of a day.
ALTER TABLE intent ADD COLUMN account_id TEXT;
ALTER TABLE intent ADD COLUMN key_id TEXT;
ALTER TABLE intent ADD COLUMN connects INTEGER;
DROP TRIGGER intent_is_written_once;
UPDATE intent SET account_id = (SELECT account_id FROM application WHERE application.id = intent.application_id);
CREATE TRIGGER intent_is_written_once BEFORE UPDATE ON intent
  WHEN OLD.epoch <> NEW.epoch OR OLD.at <> NEW.at OR OLD.worker <> NEW.worker OR OLD.closed <> 'open'
    OR OLD.terms_sha256 <> NEW.terms_sha256 OR OLD.connects IS NOT NEW.connects
  BEGIN SELECT RAISE(ABORT, 'an intent is written once and closed once'); END;
CREATE INDEX intent_of_account ON intent (account_id, at);

-- People act too now. SQLite changes no CHECK in place.
CREATE TABLE timeline_anew (
  seq            INTEGER PRIMARY KEY,
  application_id TEXT NOT NULL,
  at             INTEGER NOT NULL,
  event          TEXT NOT NULL,
  detail         TEXT,
  actor          TEXT NOT NULL DEFAULT 'worker' CHECK (actor = 'worker' OR actor = 'caller' OR actor = 'reconciler'
    OR actor = 'sweeper' OR actor = 'person')
) STRICT;
INSERT INTO timeline_anew (seq, application_id, at, event, detail, actor)
  SELECT seq, application_id, at, event, detail, actor FROM timeline;
DROP TABLE timeline;
ALTER TABLE timeline_anew RENAME TO timeline;
CREATE INDEX timeline_of_application ON timeline (application_id, seq);
