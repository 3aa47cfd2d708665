-- How many batches are open, up to a number beyond which nobody needs to know.
SELECT status,
       count(*)::int AS number
FROM (
    SELECT status
    FROM {batches}
    WHERE status IN ('pending', 'processing')
    LIMIT %(limit)s
) AS open
GROUP BY status
