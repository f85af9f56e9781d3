-- Jobs that were read from the channel: shown for a day, erased after thirty. The ids stay.
CREATE TABLE stored_job (
  account_id       TEXT NOT NULL REFERENCES account (id),
  job_key          TEXT NOT NULL,
  processed_job_id TEXT NOT NULL,
  -- When the channel was read, and until when that may be shown.
  synced_at        INTEGER NOT NULL,
  expires_at       INTEGER NOT NULL,
  company_id       TEXT,
  -- The worker's read at an application leaves the title alone.
  title            TEXT,
  document         TEXT,
  PRIMARY KEY (account_id, job_key),
  CHECK (document IS NULL OR title IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX stored_job_of_uuid ON stored_job (account_id, processed_job_id);
CREATE INDEX stored_job_of_company ON stored_job (account_id, company_id, synced_at) WHERE document IS NOT NULL;
CREATE INDEX stored_job_age ON stored_job (synced_at) WHERE title IS NOT NULL;

-- For the list of an account; the state is in it so that a filter does not read the rows.
CREATE INDEX application_newest ON application (account_id, id, state);
-- Raised by each hold, of which an application has one: a list's total without counting.
ALTER TABLE account ADD COLUMN applications INTEGER NOT NULL DEFAULT 0 CHECK (applications >= 0);
UPDATE account SET applications = (SELECT count(*) FROM application WHERE application.account_id = account.id);
