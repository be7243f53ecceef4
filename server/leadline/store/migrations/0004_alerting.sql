-- Choices of the user and marks of the server's own, as JSON by name ("quiet", "alive_ms", ...).
CREATE TABLE preferences (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What clusters and regimes did, and what fired, for scores and for the time after a restart.
-- kind: transition, touch, regime or fired; what: JSON.
CREATE TABLE outcomes (
  id     INTEGER PRIMARY KEY,
  at_ms  INTEGER NOT NULL,
  symbol TEXT NOT NULL,
  kind   TEXT NOT NULL,
  what   TEXT NOT NULL
) STRICT;
CREATE INDEX outcomes_by_time ON outcomes (at_ms);
