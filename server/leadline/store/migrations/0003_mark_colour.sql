-- colour: which of the app's marking colours, 0 the first of them.
ALTER TABLE marks ADD COLUMN colour INTEGER NOT NULL DEFAULT 0;
