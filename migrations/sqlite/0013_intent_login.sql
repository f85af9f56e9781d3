-- Whose login sent, and in which organisation's name: only that one can tell whether the proposal is there. Null: not known.
ALTER TABLE intent ADD COLUMN freelancer_id TEXT;
ALTER TABLE intent ADD COLUMN org_uid TEXT;
DROP TRIGGER intent_is_written_once;
CREATE TRIGGER intent_is_written_once BEFORE UPDATE ON intent
  WHEN OLD.epoch <> NEW.epoch OR OLD.at <> NEW.at OR OLD.worker <> NEW.worker OR OLD.closed <> 'open'
    OR OLD.terms_sha256 <> NEW.terms_sha256 OR OLD.connects IS NOT NEW.connects
    OR OLD.freelancer_id IS NOT NEW.freelancer_id OR OLD.org_uid IS NOT NEW.org_uid
  BEGIN SELECT RAISE(ABORT, 'an intent is written once and closed once'); END;
