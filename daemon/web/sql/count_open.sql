-- How many batches are open; the index on status tells.
SELECT count(*) FILTER (WHERE status = 'processing') AS processing,
       count(*) FILTER (WHERE status = 'pending') AS pending
FROM (
    SELECT status
    FROM {batches}
    WHERE status IN ('pending', 'processing')
    LIMIT %(limit)s
) AS open
