-- What nodes have taken of the windows of limits, to let requests through from it without asking. Who asks: a key or a
-- person.
CREATE TABLE rate_window (
  asker     TEXT NOT NULL,
  endpoint  TEXT NOT NULL,
  period    TEXT NOT NULL CHECK (period = 'minute' OR period = 'day'),
  ends_at_s INTEGER NOT NULL,
  taken     INTEGER NOT NULL CHECK (taken >= 0),
  PRIMARY KEY (asker, endpoint, period, ends_at_s)
) STRICT;
CREATE INDEX rate_window_age ON rate_window (ends_at_s);

INSERT INTO rate_window (asker, endpoint, period, ends_at_s, taken)
SELECT key_id, endpoint, 'day', (day + 1) * 86400, used FROM day_count;
DROP TABLE day_count;
