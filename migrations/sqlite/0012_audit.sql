-- What is kept for good of who did what, and what is erased when a task is long over.

-- What the operator has done. What happened to applications stands in their own rows.
CREATE TABLE audit (
  seq        INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  act        TEXT NOT NULL,
  -- A person's name, or the part of this server that did it.
  done_by    TEXT NOT NULL,
  -- Null: of all accounts.
  account_id TEXT,
  -- A JSON object: ids, numbers, the operator's own words.
  facts      TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_stays_as_written BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

-- What the audit keeps of a step, as a JSON array: ids, hashes, numbers and codes, never the site's words.
ALTER TABLE timeline ADD COLUMN facts TEXT;
-- The words of a step may be erased; nothing else of it changes.
CREATE TRIGGER timeline_stays_as_written BEFORE UPDATE ON timeline
  WHEN NEW.detail IS NOT NULL OR OLD.application_id <> NEW.application_id OR OLD.at <> NEW.at
    OR OLD.event <> NEW.event OR OLD.actor <> NEW.actor OR OLD.facts IS NOT NEW.facts
  BEGIN SELECT RAISE(ABORT, 'a timeline is never changed'); END;
CREATE TRIGGER timeline_stays BEFORE DELETE ON timeline
  BEGIN SELECT RAISE(ABORT, 'a timeline is never deleted'); END;

-- The task's end, from which the time of what was written for it runs; null while it is under way, or unknown.
ALTER TABLE application ADD COLUMN ended_at INTEGER;
-- The request and the site's words are gone since then; of the request its hashes stay.
ALTER TABLE application ADD COLUMN erased_at INTEGER;
ALTER TABLE application ADD COLUMN request_sha256 TEXT;
ALTER TABLE application ADD COLUMN letter_sha256 TEXT;
UPDATE application SET ended_at = coalesce(applied_at, deadline)
  WHERE state = 'applied' OR state = 'not_available' OR state = 'not_eligible' OR state = 'not_enough_connects'
    OR state = 'logged_out' OR state = 'failed';
CREATE INDEX application_to_erase ON application (ended_at) WHERE ended_at IS NOT NULL AND erased_at IS NULL;

-- Which letters were sent, so that an approver hears of one that goes to a second job.
ALTER TABLE intent ADD COLUMN letter_sha256 TEXT;
CREATE INDEX intent_of_letter ON intent (account_id, letter_sha256) WHERE letter_sha256 IS NOT NULL;
