-- The open batches, oldest first, then the last that ended; or the one asked for. Times that no clock shows (infinity, and
-- years that Python cannot count) are left out.
WITH shown AS (
    (SELECT id FROM {batches} WHERE status IN ('pending', 'processing') ORDER BY id LIMIT 100)
    UNION
    (SELECT id FROM {batches} ORDER BY id DESC LIMIT 10)
), readable AS (
    SELECT id,
           status,
           coalesce({total}, 0) AS total,
           coalesce({processed}, 0) AS processed,
           coalesce({success}, 0) AS success,
           coalesce({error}, 0) AS errors,
           coalesce(retry_count, 0) AS retry_count,
           CASE WHEN created_at BETWEEN '0001-01-02' AND '9999-12-30' THEN created_at END AS created_at,
           CASE WHEN started_at BETWEEN '0001-01-02' AND '9999-12-30' THEN started_at END AS started_at,
           CASE WHEN completed_at BETWEEN '0001-01-02' AND '9999-12-30' THEN completed_at END AS completed_at,
           error_message
    FROM {batches}
    WHERE CASE WHEN %(batch_id)s::bigint IS NULL THEN id IN (SELECT id FROM shown) ELSE id = %(batch_id)s::bigint END
)
SELECT readable.*,
       greatest(coalesce(extract(epoch FROM coalesce(started_at, now()) - created_at), 0), 0)::float8 AS wait_s,
       CASE
           WHEN started_at IS NOT NULL THEN greatest(extract(epoch FROM coalesce(completed_at, now()) - started_at), 0)
       END::float8 AS run_s
FROM readable
ORDER BY id
