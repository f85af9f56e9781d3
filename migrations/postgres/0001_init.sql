-- The tables, rules and indexes of SQLite's migrations 1 to 15 together; what a column means stands there.
-- Text is compared byte by byte (COLLATE "C"), as SQLite does. All numbers are BIGINT, times are Unix milliseconds.
-- Where rows are often changed, the next version of one fits into its page (fillfactor), and dead ones are removed
-- while they are few (autovacuum_vacuum_scale_factor): the default lets them become a fifth of a large table.

-- The mark of a transaction, by which a COMMIT whose answer was lost is recognised; fenced: it was not made, and the
-- mark that stands here now keeps it from being made later.
CREATE TABLE write_group (
  id     TEXT COLLATE "C" PRIMARY KEY,
  fenced BIGINT NOT NULL CHECK (fenced = 0 OR fenced = 1),
  at     BIGINT NOT NULL
);
CREATE INDEX write_group_age ON write_group (at);

-- For triggers that let nothing through; their argument is the sentence.
CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TABLE meta (
  name  TEXT COLLATE "C" PRIMARY KEY,
  value TEXT COLLATE "C" NOT NULL
);

-- Each application changes its account's row twice: no index holds what changes there.
CREATE TABLE account (
  id           TEXT COLLATE "C" PRIMARY KEY,
  name         TEXT COLLATE "C" NOT NULL UNIQUE,
  channel      TEXT COLLATE "C" NOT NULL CHECK (channel = 'sandbox' OR channel = 'upwork' OR channel = 'desk'),
  created_at   BIGINT NOT NULL,
  available    BIGINT NOT NULL DEFAULT 0 CHECK (available >= 0),
  held         BIGINT NOT NULL DEFAULT 0 CHECK (held >= 0),
  spent        BIGINT NOT NULL DEFAULT 0 CHECK (spent >= 0),
  applications BIGINT NOT NULL DEFAULT 0 CHECK (applications >= 0),
  approval     TEXT COLLATE "C" CHECK (approval = 'none' OR approval = 'required'),
  approvers    BIGINT NOT NULL DEFAULT 1 CHECK (approvers = 1 OR approvers = 2)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE api_key (
  id                  TEXT COLLATE "C" PRIMARY KEY,
  account_id          TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  name                TEXT COLLATE "C" NOT NULL,
  sha256              BYTEA NOT NULL UNIQUE CHECK (length(sha256) = 32),
  created_at          BIGINT NOT NULL,
  expires_at          BIGINT,
  by_request_connects BIGINT CHECK (by_request_connects >= 0),
  acknowledged_by     TEXT COLLATE "C",
  acknowledged_at     BIGINT
);
CREATE INDEX api_key_of_account ON api_key (account_id, name);

CREATE TABLE freelancer (
  account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  id         TEXT COLLATE "C" NOT NULL,
  name       TEXT COLLATE "C" NOT NULL,
  position   BIGINT NOT NULL,
  PRIMARY KEY (account_id, id)
);

CREATE TABLE profile (
  account_id        TEXT COLLATE "C" NOT NULL,
  id                TEXT COLLATE "C" NOT NULL,
  freelancer_id     TEXT COLLATE "C" NOT NULL,
  title             TEXT COLLATE "C" NOT NULL,
  hourly_rate_cents BIGINT NOT NULL CHECK (hourly_rate_cents > 0),
  is_default        BIGINT NOT NULL CHECK (is_default = 0 OR is_default = 1),
  position          BIGINT NOT NULL,
  PRIMARY KEY (account_id, id),
  FOREIGN KEY (account_id, freelancer_id) REFERENCES freelancer (account_id, id)
);

CREATE TABLE oauth_client (
  endpoint   TEXT COLLATE "C" PRIMARY KEY,
  client_id  TEXT COLLATE "C" NOT NULL,
  created_at BIGINT NOT NULL
);

CREATE TABLE oauth_grant (
  account_id    TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  freelancer_id TEXT COLLATE "C" NOT NULL,
  endpoint      TEXT COLLATE "C" NOT NULL,
  org_uid       TEXT COLLATE "C",
  client_id     TEXT COLLATE "C" NOT NULL,
  sealed        BYTEA NOT NULL,
  pair          BIGINT NOT NULL,
  expires_at    BIGINT NOT NULL,
  dead          BIGINT NOT NULL CHECK (dead = 0 OR dead = 1),
  updated_at    BIGINT NOT NULL,
  refresh_by    TEXT COLLATE "C",
  refresh_until BIGINT,
  failures      BIGINT NOT NULL DEFAULT 0 CHECK (failures >= 0),
  retry_at      BIGINT,
  PRIMARY KEY (account_id, freelancer_id),
  CHECK ((refresh_by IS NULL) = (refresh_until IS NULL))
);
CREATE INDEX oauth_grant_of_org ON oauth_grant (endpoint, org_uid) WHERE freelancer_id <> '';

CREATE TABLE person (
  id         TEXT COLLATE "C" PRIMARY KEY,
  name       TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  role       TEXT COLLATE "C" NOT NULL CHECK (role = 'viewer' OR role = 'desk' OR role = 'approver' OR role = 'admin'),
  sha256     BYTEA NOT NULL UNIQUE CHECK (length(sha256) = 32),
  created_at BIGINT NOT NULL,
  revoked_at BIGINT
);
CREATE UNIQUE INDEX person_name ON person (name) WHERE revoked_at IS NULL;

-- Changed about six times in its life, hardly ever after that.
CREATE TABLE application (
  id                  TEXT COLLATE "C" PRIMARY KEY,
  account_id          TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  channel             TEXT COLLATE "C" NOT NULL CHECK (channel = 'sandbox' OR channel = 'upwork' OR channel = 'desk'),
  job_key             TEXT COLLATE "C" NOT NULL,
  processed_job_id    TEXT COLLATE "C" NOT NULL,
  accepted_at         BIGINT NOT NULL,
  version             BIGINT NOT NULL,
  state               TEXT COLLATE "C" NOT NULL CHECK (
    state = 'awaiting_approval' OR state = 'queued' OR state = 'leased' OR state = 'armed' OR state = 'intent'
    OR state = 'submitted' OR state = 'verifying' OR state = 'unknown' OR state = 'applied'
    OR state = 'not_available' OR state = 'not_eligible' OR state = 'not_enough_connects'
    OR state = 'logged_out' OR state = 'failed'),
  epoch               BIGINT NOT NULL CHECK (epoch >= 0),
  worker              TEXT COLLATE "C",
  lease_until         BIGINT,
  attempts            BIGINT NOT NULL,
  lost_leases         BIGINT NOT NULL,
  logins_renewed      BIGINT NOT NULL,
  not_before          BIGINT NOT NULL,
  blocked             TEXT COLLATE "C",
  cutoff              BIGINT NOT NULL,
  deadline            BIGINT NOT NULL CHECK (deadline >= cutoff),
  processed_at        BIGINT,
  applied_at          BIGINT,
  submitted_at        BIGINT,
  permit_closed_at    BIGINT,
  negative_reads      BIGINT NOT NULL,
  look_at             BIGINT,
  due_at              BIGINT,
  code                TEXT COLLATE "C",
  message             TEXT COLLATE "C",
  preview_id          TEXT COLLATE "C",
  preview_expires_at  BIGINT,
  guard_cleared_at    BIGINT,
  request             TEXT COLLATE "C" NOT NULL,
  key_id              TEXT COLLATE "C",
  policy              TEXT COLLATE "C" NOT NULL DEFAULT 'none'
    CHECK (policy = 'none' OR policy = 'by_request' OR policy = 'required' OR policy = 'desk'),
  approve_by          BIGINT NOT NULL DEFAULT 0,
  ceiling_connects    BIGINT,
  open_asked_at       BIGINT,
  opened_until        BIGINT,
  approval_sha256     TEXT COLLATE "C",
  approval_expires_at BIGINT,
  showing_id          TEXT COLLATE "C",
  person_id           TEXT COLLATE "C" REFERENCES person (id),
  ended_at            BIGINT,
  erased_at           BIGINT,
  request_sha256      TEXT COLLATE "C",
  letter_sha256       TEXT COLLATE "C",
  CHECK ((state = 'applied') = (applied_at IS NOT NULL)),
  CHECK ((message IS NOT NULL) = (
    state = 'unknown' OR state = 'not_available' OR state = 'not_eligible' OR state = 'not_enough_connects'
    OR state = 'logged_out' OR state = 'failed')),
  CHECK ((message IS NULL) = (code IS NULL)),
  CHECK ((state <> 'leased' AND state <> 'armed') OR (worker IS NOT NULL AND lease_until IS NOT NULL))
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01);
CREATE UNIQUE INDEX application_job_guard ON application (account_id, job_key) WHERE
  (state <> 'failed' AND state <> 'not_available' AND state <> 'not_eligible'
    AND state <> 'not_enough_connects' AND state <> 'logged_out')
  OR (code = 'unresolved' AND guard_cleared_at IS NULL);
CREATE UNIQUE INDEX application_slot ON application (account_id)
  WHERE channel <> 'desk' AND (state = 'leased' OR state = 'armed' OR state = 'intent' OR state = 'submitted'
    OR state = 'verifying'
    OR (opened_until IS NOT NULL AND (state = 'awaiting_approval' OR state = 'queued')));
-- The statements hide the account from SQLite's planner by coalesce. Here that leads to it: whoever takes an account's
-- next one meets neither the others' rows nor the dead entries of what was ready before them.
CREATE INDEX application_ready ON application (coalesce(account_id, ''), not_before, cutoff, id)
  WHERE state = 'queued' AND channel <> 'desk';
CREATE INDEX application_look ON application (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX application_due ON application (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX application_ended ON application (account_id, job_key, id)
  WHERE (state = 'failed' OR state = 'not_available' OR state = 'not_eligible'
    OR state = 'not_enough_connects' OR state = 'logged_out');
CREATE INDEX application_of_uuid ON application (processed_job_id);
CREATE INDEX application_newest ON application (account_id, id, state);
CREATE INDEX application_to_open ON application (open_asked_at, account_id, id)
  WHERE state = 'awaiting_approval' AND open_asked_at IS NOT NULL;
CREATE INDEX application_awaiting ON application (account_id, id) WHERE state = 'awaiting_approval';
CREATE INDEX application_at_desk ON application (account_id, id)
  WHERE channel = 'desk' AND (state = 'queued' OR state = 'leased' OR state = 'armed' OR state = 'intent'
    OR state = 'submitted' OR state = 'verifying' OR state = 'unknown');
CREATE INDEX application_unresolved ON application (id)
  WHERE (state = 'verifying' OR state = 'unknown' OR (code = 'unresolved' AND guard_cleared_at IS NULL));
CREATE INDEX application_to_erase ON application (ended_at) WHERE ended_at IS NOT NULL AND erased_at IS NULL;

CREATE TABLE intent (
  application_id TEXT COLLATE "C" PRIMARY KEY REFERENCES application (id),
  worker         TEXT COLLATE "C" NOT NULL,
  epoch          BIGINT NOT NULL,
  at             BIGINT NOT NULL,
  answer_by      BIGINT NOT NULL,
  terms_sha256   TEXT COLLATE "C" NOT NULL,
  closed         TEXT COLLATE "C" NOT NULL CHECK (
    closed = 'open' OR closed = 'submitted' OR closed = 'refused' OR closed = 'absent'),
  proposal_id    TEXT COLLATE "C",
  account_id     TEXT COLLATE "C",
  key_id         TEXT COLLATE "C",
  connects       BIGINT,
  letter_sha256  TEXT COLLATE "C",
  freelancer_id  TEXT COLLATE "C",
  org_uid        TEXT COLLATE "C"
);
CREATE INDEX intent_of_account ON intent (account_id, at);
CREATE INDEX intent_of_letter ON intent (account_id, letter_sha256) WHERE letter_sha256 IS NOT NULL;
CREATE INDEX intent_open ON intent (account_id) WHERE closed = 'open';
CREATE TRIGGER intent_is_written_once BEFORE UPDATE ON intent FOR EACH ROW
  WHEN (OLD.epoch <> NEW.epoch OR OLD.at <> NEW.at OR OLD.worker <> NEW.worker OR OLD.closed <> 'open'
    OR OLD.terms_sha256 <> NEW.terms_sha256 OR OLD.connects IS DISTINCT FROM NEW.connects
    OR OLD.freelancer_id IS DISTINCT FROM NEW.freelancer_id OR OLD.org_uid IS DISTINCT FROM NEW.org_uid)
  EXECUTE FUNCTION refuse('an intent is written once and closed once');
CREATE TRIGGER intent_stays BEFORE DELETE ON intent FOR EACH ROW
  EXECUTE FUNCTION refuse('an intent is never deleted');

CREATE TABLE ledger_entry (
  seq            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  account_id     TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  application_id TEXT COLLATE "C",
  kind           TEXT COLLATE "C" NOT NULL CHECK (
    kind = 'grant' OR kind = 'hold' OR kind = 'capture' OR kind = 'release' OR kind = 'write_off'),
  amount         BIGINT NOT NULL CHECK (amount > 0),
  at             BIGINT NOT NULL,
  CHECK ((kind = 'grant') = (application_id IS NULL))
);
CREATE UNIQUE INDEX ledger_hold_once ON ledger_entry (application_id) WHERE kind = 'hold';
CREATE UNIQUE INDEX ledger_settled_once ON ledger_entry (application_id)
  WHERE (kind = 'capture' OR kind = 'release' OR kind = 'write_off');
CREATE TRIGGER ledger_stays_as_written BEFORE UPDATE ON ledger_entry FOR EACH ROW
  EXECUTE FUNCTION refuse('the ledger is append-only');
CREATE TRIGGER ledger_stays BEFORE DELETE ON ledger_entry FOR EACH ROW
  EXECUTE FUNCTION refuse('the ledger is append-only');

-- An event gets its place at the commit: whoever has read one has been able to read all before it. Null: not committed.
-- The place is written by a second version of the row.
CREATE TABLE event (
  id             TEXT COLLATE "C" PRIMARY KEY,
  seq            BIGINT UNIQUE,
  account_id     TEXT COLLATE "C" NOT NULL,
  application_id TEXT COLLATE "C" NOT NULL,
  type           TEXT COLLATE "C" NOT NULL,
  at             BIGINT NOT NULL,
  data           TEXT COLLATE "C" NOT NULL
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX event_of_account ON event (account_id, seq);
CREATE INDEX event_age ON event (at);
CREATE SEQUENCE event_place OWNED BY event.seq;
CREATE FUNCTION place_event() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE
  -- Transactions with events commit one after the other. A name for that, known to nobody else.
  order_of_commits CONSTANT BIGINT := 6291725848110412357;
BEGIN
  -- Kept until the commit can be seen. Nothing is waited for after it, so nobody waits in a circle.
  PERFORM pg_advisory_xact_lock(order_of_commits);
  -- By where the row is: a SERIALIZABLE transaction that finds it by an index is at odds with whoever inserts there.
  UPDATE event SET seq = nextval('event_place') WHERE ctid = NEW.ctid;
  IF NOT FOUND THEN
    -- It was changed in this transaction.
    UPDATE event SET seq = nextval('event_place') WHERE id = NEW.id;
  END IF;
  RETURN NULL;
END
$$;
-- What is copied from another store has its places already.
CREATE CONSTRAINT TRIGGER event_gets_its_place AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.seq IS NULL) EXECUTE FUNCTION place_event();

-- By the month, so that one can be taken away whole (store/src/month.rs); what has none of its own goes into the rest.
CREATE TABLE timeline (
  seq            BIGINT GENERATED BY DEFAULT AS IDENTITY,
  application_id TEXT COLLATE "C" NOT NULL,
  at             BIGINT NOT NULL,
  event          TEXT COLLATE "C" NOT NULL,
  detail         TEXT COLLATE "C",
  actor          TEXT COLLATE "C" NOT NULL DEFAULT 'worker' CHECK (actor = 'worker' OR actor = 'caller'
    OR actor = 'reconciler' OR actor = 'sweeper' OR actor = 'person'),
  facts          TEXT COLLATE "C",
  PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);
CREATE TABLE timeline_rest PARTITION OF timeline DEFAULT;
CREATE INDEX timeline_of_application ON timeline (application_id, seq);
CREATE TRIGGER timeline_stays_as_written BEFORE UPDATE ON timeline FOR EACH ROW
  WHEN (NEW.detail IS NOT NULL OR OLD.application_id <> NEW.application_id OR OLD.at <> NEW.at
    OR OLD.event <> NEW.event OR OLD.actor <> NEW.actor OR OLD.facts IS DISTINCT FROM NEW.facts)
  EXECUTE FUNCTION refuse('a timeline is never changed');
CREATE TRIGGER timeline_stays BEFORE DELETE ON timeline FOR EACH ROW EXECUTE FUNCTION refuse('a timeline is never deleted');

CREATE TABLE idempotency (
  account_id TEXT COLLATE "C" NOT NULL,
  key        TEXT COLLATE "C" NOT NULL,
  sha256     TEXT COLLATE "C" NOT NULL,
  status     BIGINT NOT NULL,
  body       TEXT COLLATE "C" NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_age ON idempotency (at);

CREATE TABLE showing (
  id                 TEXT COLLATE "C" PRIMARY KEY,
  application_id     TEXT COLLATE "C" NOT NULL REFERENCES application (id),
  at                 BIGINT NOT NULL,
  failure            TEXT COLLATE "C",
  sha256             TEXT COLLATE "C",
  preview_id         TEXT COLLATE "C",
  preview_expires_at BIGINT,
  cost_connects      BIGINT,
  balance_connects   BIGINT,
  agency             TEXT COLLATE "C",
  terms              TEXT COLLATE "C",
  remarks            TEXT COLLATE "C",
  CHECK ((failure IS NULL) = (sha256 IS NOT NULL)),
  CHECK ((sha256 IS NULL) = (preview_id IS NULL)),
  CHECK ((sha256 IS NULL) = (cost_connects IS NULL))
);
CREATE INDEX showing_of_application ON showing (application_id, id);

CREATE TABLE decision (
  seq            BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  application_id TEXT COLLATE "C" NOT NULL REFERENCES application (id),
  showing_id     TEXT COLLATE "C",
  sha256         TEXT COLLATE "C",
  preview_id     TEXT COLLATE "C",
  connects       BIGINT,
  verdict        TEXT COLLATE "C" NOT NULL CHECK (
    verdict = 'approved' OR verdict = 'declined' OR verdict = 'by_request'),
  decided_by     TEXT COLLATE "C" NOT NULL,
  address        TEXT COLLATE "C" NOT NULL,
  reason         TEXT COLLATE "C",
  at             BIGINT NOT NULL
);
CREATE INDEX decision_of_application ON decision (application_id, seq);
CREATE TRIGGER decision_stays_as_written BEFORE UPDATE ON decision FOR EACH ROW
  EXECUTE FUNCTION refuse('a decision is never changed');
CREATE TRIGGER decision_stays BEFORE DELETE ON decision FOR EACH ROW
  EXECUTE FUNCTION refuse('a decision is never deleted');

CREATE TABLE connects_limit (
  account_id   TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  key_id       TEXT COLLATE "C" NOT NULL,
  per_proposal BIGINT CHECK (per_proposal >= 0),
  boost        BIGINT CHECK (boost >= 0),
  per_day      BIGINT CHECK (per_day >= 0),
  PRIMARY KEY (account_id, key_id)
);

CREATE TABLE audit (
  seq        BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  at         BIGINT NOT NULL,
  act        TEXT COLLATE "C" NOT NULL,
  done_by    TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C",
  facts      TEXT COLLATE "C" NOT NULL
);
CREATE TRIGGER audit_stays_as_written BEFORE UPDATE ON audit FOR EACH ROW
  EXECUTE FUNCTION refuse('the audit is append-only');
CREATE TRIGGER audit_stays BEFORE DELETE ON audit FOR EACH ROW
  EXECUTE FUNCTION refuse('the audit is append-only');

-- Few rows, changed with each delivery.
CREATE TABLE webhook (
  id              TEXT COLLATE "C" PRIMARY KEY,
  account_id      TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  url             TEXT COLLATE "C" NOT NULL,
  types           TEXT COLLATE "C" NOT NULL,
  secret          BYTEA NOT NULL,
  previous_secret BYTEA,
  previous_until  BIGINT,
  created_at      BIGINT NOT NULL,
  failing_since   BIGINT,
  last_failed_at  BIGINT,
  held_until      BIGINT,
  disabled_at     BIGINT,
  disabled_reason TEXT COLLATE "C" CHECK (disabled_reason = 'by you' OR disabled_reason = 'failing'),
  due_at          BIGINT,
  CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
  CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
  CHECK (disabled_at IS NULL OR due_at IS NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX webhook_of_account ON webhook (account_id, id);
CREATE INDEX webhook_due ON webhook (due_at) WHERE due_at IS NOT NULL AND failing_since IS NULL;
CREATE INDEX webhook_due_failing ON webhook (due_at) WHERE due_at IS NOT NULL AND failing_since IS NOT NULL;

-- Changed twice by each attempt.
CREATE TABLE delivery (
  seq          BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  webhook_id   TEXT COLLATE "C" NOT NULL,
  event_id     TEXT COLLATE "C" NOT NULL,
  account_id   TEXT COLLATE "C" NOT NULL,
  created_at   BIGINT NOT NULL,
  state        TEXT COLLATE "C" NOT NULL CHECK (state = 'pending' OR state = 'delivered' OR state = 'exhausted'),
  epoch        BIGINT NOT NULL,
  attempts     BIGINT NOT NULL,
  due_at       BIGINT,
  lease_until  BIGINT,
  again        BIGINT NOT NULL DEFAULT 0 CHECK (again = 0 OR again = 1),
  last_status  BIGINT,
  last_failure TEXT COLLATE "C",
  delivered_at BIGINT,
  CHECK ((state = 'pending') = (due_at IS NOT NULL)),
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK (lease_until IS NULL OR state = 'pending'),
  CHECK (again = 0 OR lease_until IS NOT NULL)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01);
CREATE INDEX delivery_of_webhook ON delivery (webhook_id, seq);
CREATE UNIQUE INDEX delivery_of_event ON delivery (event_id, webhook_id);
CREATE INDEX delivery_due ON delivery (webhook_id, due_at, seq) WHERE state = 'pending';
CREATE INDEX delivery_leased ON delivery (webhook_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX delivery_leased_of_account ON delivery (account_id, lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE stored_job (
  account_id       TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  job_key          TEXT COLLATE "C" NOT NULL,
  processed_job_id TEXT COLLATE "C" NOT NULL,
  synced_at        BIGINT NOT NULL,
  expires_at       BIGINT NOT NULL,
  company_id       TEXT COLLATE "C",
  title            TEXT COLLATE "C",
  document         TEXT COLLATE "C",
  PRIMARY KEY (account_id, job_key),
  CHECK (document IS NULL OR title IS NOT NULL)
);
CREATE UNIQUE INDEX stored_job_of_uuid ON stored_job (account_id, processed_job_id);
CREATE INDEX stored_job_of_company ON stored_job (account_id, company_id, synced_at) WHERE document IS NOT NULL;
CREATE INDEX stored_job_age ON stored_job (synced_at) WHERE title IS NOT NULL;

CREATE TABLE job_number (
  account_id   TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  job_key      TEXT COLLATE "C" NOT NULL,
  numbered_key TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id, job_key)
);

CREATE TABLE rate_limit (
  account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  endpoint   TEXT COLLATE "C" NOT NULL,
  per_minute BIGINT NOT NULL CHECK (per_minute > 0),
  per_day    BIGINT CHECK (per_day > 0),
  PRIMARY KEY (account_id, endpoint)
);

-- All nodes add to the same rows, again and again.
CREATE TABLE rate_window (
  asker     TEXT COLLATE "C" NOT NULL,
  endpoint  TEXT COLLATE "C" NOT NULL,
  period    TEXT COLLATE "C" NOT NULL CHECK (period = 'minute' OR period = 'day'),
  ends_at_s BIGINT NOT NULL,
  taken     BIGINT NOT NULL CHECK (taken >= 0),
  PRIMARY KEY (asker, endpoint, period, ends_at_s)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX rate_window_age ON rate_window (ends_at_s);

CREATE TABLE feed (
  account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  name       TEXT COLLATE "C" NOT NULL,
  text       TEXT COLLATE "C" NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, name)
);

CREATE TABLE letter (
  account_id TEXT COLLATE "C" NOT NULL REFERENCES account (id),
  sha256     TEXT COLLATE "C" NOT NULL,
  model      TEXT COLLATE "C" NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (account_id, sha256)
);
CREATE INDEX letter_age ON letter (at);

CREATE TABLE pause (
  scope  TEXT COLLATE "C" PRIMARY KEY,
  reason TEXT COLLATE "C" NOT NULL,
  set_by TEXT COLLATE "C" NOT NULL,
  at     BIGINT NOT NULL
);

-- Each call to a site changes a row that all nodes share.
CREATE TABLE pace (
  bucket  TEXT COLLATE "C" PRIMARY KEY,
  full_at BIGINT NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE tool_schema (
  channel       TEXT COLLATE "C" PRIMARY KEY CHECK (channel = 'sandbox' OR channel = 'upwork'),
  pinned_sha256 TEXT COLLATE "C" NOT NULL,
  pinned_at     BIGINT NOT NULL,
  seen_sha256   TEXT COLLATE "C" NOT NULL,
  seen_at       BIGINT NOT NULL
);
