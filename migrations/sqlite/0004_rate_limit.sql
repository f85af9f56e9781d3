-- Limits of an account that differ from the table of the API.
CREATE TABLE rate_limit (
  account_id TEXT NOT NULL REFERENCES account (id),
  endpoint   TEXT NOT NULL,
  per_minute INTEGER NOT NULL CHECK (per_minute > 0),
  -- Null: a day has no limit.
  per_day    INTEGER CHECK (per_day > 0),
  PRIMARY KEY (account_id, endpoint)
) STRICT;

-- Requests of a UTC day, for endpoints whose day is limited; written a moment later, so a kill may lose that moment.
CREATE TABLE day_count (
  key_id   TEXT NOT NULL REFERENCES api_key (id),
  endpoint TEXT NOT NULL,
  day      INTEGER NOT NULL,
  used     INTEGER NOT NULL CHECK (used >= 0),
  PRIMARY KEY (key_id, endpoint, day)
) STRICT;
CREATE INDEX day_count_age ON day_count (day);
