-- Stored text settings for generated letters.
CREATE TABLE feed (
  account_id TEXT NOT NULL REFERENCES account (id),
  name       TEXT NOT NULL,
  text       TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, name)
) STRICT;

-- Which letters were written here, so that an approver is told; the hash only, never the text.
CREATE TABLE letter (
  account_id TEXT NOT NULL REFERENCES account (id),
  sha256     TEXT NOT NULL,
  model      TEXT NOT NULL,
  at         INTEGER NOT NULL,
  PRIMARY KEY (account_id, sha256)
) STRICT;
CREATE INDEX letter_age ON letter (at);
