-- Where the phone's app lives ("https://leadline.my.org"): what opens an alert is an address there.
ALTER TABLE devices ADD COLUMN origin TEXT NOT NULL DEFAULT '';
-- How long the push service took to take the newest message, in ms.
ALTER TABLE devices ADD COLUMN post_ms INTEGER;
