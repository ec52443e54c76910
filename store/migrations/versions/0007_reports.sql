-- What reports are made from.
SELECT 1;
