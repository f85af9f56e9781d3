-- The events of one account after a cursor, in the order of commits.
CREATE INDEX event_of_account ON event (account_id, seq);
-- What is to be forgotten.
CREATE INDEX event_age ON event (at);
