-- What is usual: hourly counts and baselines.
SELECT 1;
