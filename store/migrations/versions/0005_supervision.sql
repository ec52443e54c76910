-- The pipeline's own proof, clocks.
SELECT 1;
