-- The newest batches that have ended, by the time they ended.
SELECT id
FROM (
    SELECT id, status, completed_at
    FROM {batches}
    ORDER BY id DESC
    LIMIT %(window)s
) AS newest
WHERE status NOT IN ('pending', 'processing')
ORDER BY completed_at DESC NULLS LAST, id DESC
LIMIT %(limit)s
