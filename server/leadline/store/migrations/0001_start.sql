-- Times are Unix milliseconds. Prices are decimal text, as everywhere at the edges.

-- Where alerts go. channel: webpush, ntfy or webhook; those of the settings have no secret.
-- secret_hash: SHA-256 of what the phone proves itself with. vapid_key: the server key the phone
-- subscribed with. last_*: the newest attempt; result is "delivered" or a sentence.
CREATE TABLE devices (
  id           INTEGER PRIMARY KEY,
  secret_hash  BLOB UNIQUE,
  name         TEXT NOT NULL,
  channel      TEXT NOT NULL CHECK (channel IN ('webpush', 'ntfy', 'webhook')),
  endpoint     TEXT NOT NULL UNIQUE,
  p256dh       BLOB,
  auth         BLOB,
  vapid_key    TEXT,
  created_ms   INTEGER NOT NULL,
  seen_ms      INTEGER NOT NULL,
  last_ms      INTEGER,
  last_status  INTEGER,
  last_result  TEXT,
  delivered_ms INTEGER
) STRICT;

-- What the user wants to be told. symbol: NULL for all; settings: JSON by kind.
CREATE TABLE rules (
  id               INTEGER PRIMARY KEY,
  kind             TEXT NOT NULL,
  symbol           TEXT,
  settings         TEXT NOT NULL,
  enabled          INTEGER NOT NULL DEFAULT 1,
  snoozed_until_ms INTEGER NOT NULL DEFAULT 0,
  created_ms       INTEGER NOT NULL
) STRICT;

-- What fired: also the inbox. dedupe_key: the same firing, told twice, is one alert.
CREATE TABLE alerts (
  id         INTEGER PRIMARY KEY,
  dedupe_key TEXT NOT NULL UNIQUE,
  rule_id    INTEGER REFERENCES rules (id) ON DELETE SET NULL,
  kind       TEXT NOT NULL,
  symbol     TEXT,
  at_ms      INTEGER NOT NULL,
  title      TEXT NOT NULL,
  body       TEXT NOT NULL,
  url        TEXT NOT NULL,
  ttl_s      INTEGER NOT NULL,
  urgency    TEXT NOT NULL,
  topic      TEXT NOT NULL,
  seen_ms    INTEGER
) STRICT;
CREATE INDEX alerts_by_time ON alerts (at_ms);

-- The screen as it was when an alert fired.
CREATE TABLE moments (
  alert_id INTEGER PRIMARY KEY REFERENCES alerts (id) ON DELETE CASCADE,
  frames   BLOB NOT NULL
) STRICT;

-- What still has to be posted: a row leaves when its device has it, is gone, or the alert's life is over.
CREATE TABLE outbox (
  alert_id   INTEGER NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
  device_id  INTEGER NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
  due_ms     INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (alert_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_due ON outbox (due_ms);

-- Prices the user marked.
CREATE TABLE marks (
  id         INTEGER PRIMARY KEY,
  symbol     TEXT NOT NULL,
  price      TEXT NOT NULL,
  label      TEXT NOT NULL DEFAULT '',
  created_ms INTEGER NOT NULL,
  UNIQUE (symbol, price)
) STRICT;
