-- Of the newest batches that have ended: how many items they had, how many were in error, and the batch with the most of
-- these. No row where none has ended.
SELECT sum({total})::bigint,
       sum({error})::bigint,
       (array_agg(id ORDER BY {error} DESC NULLS LAST, id DESC))[1]
FROM (
    SELECT id, {total}, {error}, status
    FROM {batches}
    ORDER BY id DESC
    LIMIT 20
) AS newest
WHERE status IN ('completed', 'failed')
HAVING count(*) > 0
