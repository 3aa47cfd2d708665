-- How many batches have waited for long without being begun, the first of them, and for how long. No row where there is
-- none. Of very many only the first are looked at.
SELECT count(*)::int,
       min(id),
       max(extract(epoch FROM now() - created_at))::float8
FROM (
    SELECT id, created_at
    FROM {batches}
    WHERE status = 'pending'
    ORDER BY id
    LIMIT 10000
) AS waiting
WHERE isfinite(created_at)
  AND created_at < now() - make_interval(secs => %(long_s)s)
HAVING count(*) > 0
