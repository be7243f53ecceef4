-- +1 when an alert is about what lies or moves up, -1 down, 0 neither: how it sounds.
ALTER TABLE alerts ADD COLUMN way INTEGER NOT NULL DEFAULT 0;
