-- The events of one account after a cursor, in the order of commits.
CREATE INDEX event_of_account ON event (account_id, seq);
