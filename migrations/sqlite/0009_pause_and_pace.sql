-- What is paused: `all`, `channel:<name>` or `account:<id>`. Nothing of it is taken from the queue or submitted.
CREATE TABLE pause (
  scope  TEXT NOT NULL PRIMARY KEY,
  reason TEXT NOT NULL,
  set_by TEXT NOT NULL,
  at     INTEGER NOT NULL
) STRICT;

-- Buckets of the rate at which a site is asked, for all processes: when each is full again, were nothing taken.
CREATE TABLE pace (
  bucket  TEXT NOT NULL PRIMARY KEY,
  full_at INTEGER NOT NULL
) STRICT;

-- Names and input schemas of the tools that write, as hashes: what the operator goes by, and what was seen last.
CREATE TABLE tool_schema (
  channel       TEXT NOT NULL PRIMARY KEY CHECK (channel = 'sandbox' OR channel = 'upwork'),
  pinned_sha256 TEXT NOT NULL,
  pinned_at     INTEGER NOT NULL,
  seen_sha256   TEXT NOT NULL,
  seen_at       INTEGER NOT NULL
) STRICT;
