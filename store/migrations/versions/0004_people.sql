-- Posts, shifts, contacts, handovers.
SELECT 1;
