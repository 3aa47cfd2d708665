-- How many batches are worked on, and how many wait, each up to a limit; the index on status tells. Counted apart: those
-- that wait may be so many that none of the others would be met.
SELECT (
    SELECT count(*)
    FROM (SELECT FROM {batches} WHERE status = 'processing' LIMIT %(limit)s) AS at_work
) AS processing,
(
    SELECT count(*)
    FROM (SELECT FROM {batches} WHERE status = 'pending' LIMIT %(limit)s) AS waiting
) AS pending
