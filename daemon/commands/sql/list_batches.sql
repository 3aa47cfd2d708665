-- The open batches, oldest first, then the last that ended; or the one asked for.
WITH shown AS (
    (SELECT id FROM categorization_batches WHERE status IN ('pending', 'processing') ORDER BY id LIMIT 100)
    UNION
    (SELECT id FROM categorization_batches ORDER BY id DESC LIMIT 10)
)
SELECT id,
       status,
       total_products AS total,
       processed_products AS processed,
       success_products AS success,
       error_products AS errors,
       retry_count,
       created_at,
       started_at,
       completed_at,
       error_message,
       extract(epoch FROM coalesce(started_at, now()) - created_at)::float8 AS wait_s,
       extract(epoch FROM coalesce(completed_at, now()) - started_at)::float8 AS run_s
FROM categorization_batches
WHERE CASE WHEN %(batch_id)s::bigint IS NULL THEN id IN (SELECT id FROM shown) ELSE id = %(batch_id)s::bigint END
ORDER BY id
