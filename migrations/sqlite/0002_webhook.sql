-- Webhook endpoints and their deliveries.

CREATE TABLE webhook (
  id              TEXT NOT NULL PRIMARY KEY,
  account_id      TEXT NOT NULL REFERENCES account (id),
  url             TEXT NOT NULL,
  -- Names of types with a space between them, or an asterisk.
  types           TEXT NOT NULL,
  -- Sealed under the master key, for this row.
  secret          BLOB NOT NULL,
  -- After a rotation it signs too, until its end.
  previous_secret BLOB,
  previous_until  INTEGER,
  created_at      INTEGER NOT NULL,
  -- First failure since the last success, or since a long silence.
  failing_since   INTEGER,
  last_failed_at  INTEGER,
  -- Until then nothing is attempted: this server could not sign.
  held_until      INTEGER,
  disabled_at     INTEGER,
  disabled_reason TEXT CHECK (disabled_reason = 'by you' OR disabled_reason = 'failing'),
  -- When something can be attempted here next; null: nothing waits, or it is off.
  due_at          INTEGER,
  CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
  CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL)),
  CHECK (disabled_at IS NULL OR due_at IS NULL)
) STRICT;
CREATE INDEX webhook_of_account ON webhook (account_id, id);
-- One entry an endpoint, however much waits there: who is dead does not hide the others.
-- Two lines, because the failing may have to wait while the others are served.
CREATE INDEX webhook_due ON webhook (due_at) WHERE due_at IS NOT NULL AND failing_since IS NULL;
CREATE INDEX webhook_due_failing ON webhook (due_at) WHERE due_at IS NOT NULL AND failing_since IS NOT NULL;

-- One row for an event and an endpoint that wants it, written in the event's transaction; a redelivery begins it
-- anew. A deleted endpoint's rows are no longer reached by anything and go when their events go.
CREATE TABLE delivery (
  seq          INTEGER PRIMARY KEY,
  webhook_id   TEXT NOT NULL,
  event_id     TEXT NOT NULL,
  -- Whose places its attempts take, even after the endpoint was deleted.
  account_id   TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  state        TEXT NOT NULL CHECK (state = 'pending' OR state = 'delivered' OR state = 'exhausted'),
  -- Raised by each claim; a result names it.
  epoch        INTEGER NOT NULL,
  -- Those that failed, and the one that did not.
  attempts     INTEGER NOT NULL,
  -- When it may be taken: its next attempt, or the end of its lease.
  due_at       INTEGER,
  lease_until  INTEGER,
  -- 1: a redelivery was asked for during the attempt, which began before that and so does not count as one.
  again        INTEGER NOT NULL DEFAULT 0 CHECK (again = 0 OR again = 1),
  last_status  INTEGER,
  last_failure TEXT,
  delivered_at INTEGER,
  CHECK ((state = 'pending') = (due_at IS NOT NULL)),
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK (lease_until IS NULL OR state = 'pending'),
  CHECK (again = 0 OR lease_until IS NOT NULL)
) STRICT;
CREATE INDEX delivery_of_webhook ON delivery (webhook_id, seq);
CREATE UNIQUE INDEX delivery_of_event ON delivery (event_id, webhook_id);
CREATE INDEX delivery_due ON delivery (webhook_id, due_at, seq) WHERE state = 'pending';
CREATE INDEX delivery_leased ON delivery (webhook_id, lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX delivery_leased_of_account ON delivery (account_id, lease_until) WHERE lease_until IS NOT NULL;
