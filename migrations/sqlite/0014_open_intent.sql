-- What of an account is of open outcome: all its intents but few.
CREATE INDEX intent_open ON intent (account_id) WHERE closed = 'open';
