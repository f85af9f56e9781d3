-- Who did it, for people: worker, caller, reconciler or sweeper.
ALTER TABLE timeline ADD COLUMN actor TEXT NOT NULL DEFAULT 'worker'
  CHECK (actor = 'worker' OR actor = 'caller' OR actor = 'reconciler' OR actor = 'sweeper');
