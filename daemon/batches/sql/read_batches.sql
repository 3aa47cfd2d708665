-- Batches without their items. Times that no clock shows (infinity, and years that Python cannot count)
-- are left out. A batch that was set back has waited for whoever did so: its wait is not told.
WITH readable AS (
    SELECT id,
           status,
           coalesce({total}, 0) AS total,
           coalesce({processed}, 0) AS processed,
           coalesce({success}, 0) AS success,
           coalesce({error}, 0) AS errors,
           coalesce(retry_count, 0) AS retry_count,
           created_by,
           CASE WHEN created_at BETWEEN '0001-01-02' AND '9999-12-30' THEN created_at END AS created_at,
           CASE WHEN started_at BETWEEN '0001-01-02' AND '9999-12-30' THEN started_at END AS started_at,
           CASE WHEN completed_at BETWEEN '0001-01-02' AND '9999-12-30' THEN completed_at END AS completed_at,
           left(error_message, 2000) AS error_message
    FROM {batches}
    WHERE id = ANY(%(ids)s::bigint[])
)
SELECT readable.*,
       CASE WHEN created_at IS NOT NULL THEN greatest(extract(epoch FROM now() - created_at), 0) END::float8 AS created_s_ago,
       CASE WHEN completed_at IS NOT NULL THEN greatest(extract(epoch FROM now() - completed_at), 0) END::float8
           AS completed_s_ago,
       CASE
           WHEN retry_count = 0
               THEN greatest(coalesce(extract(epoch FROM coalesce(started_at, completed_at, now()) - created_at), 0), 0)
       END::float8 AS wait_s,
       CASE
           WHEN started_at IS NOT NULL THEN greatest(extract(epoch FROM coalesce(completed_at, now()) - started_at), 0)
       END::float8 AS run_s
FROM readable
