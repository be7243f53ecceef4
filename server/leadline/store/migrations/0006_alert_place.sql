-- The last price when an alert fired, and the price of the row it is about; NULL for none.
ALTER TABLE alerts ADD COLUMN price REAL;
ALTER TABLE alerts ADD COLUMN target REAL;
