-- What has come of an alert since it fired, as JSON: prices, liquidations, its cluster's fate.
CREATE TABLE aftermaths (
  alert_id INTEGER PRIMARY KEY REFERENCES alerts (id) ON DELETE CASCADE,
  what     TEXT NOT NULL
) STRICT;
