-- The open batches, oldest first, then the last that ended; or the one asked for.
WITH shown AS (
    (SELECT id FROM categorization_batches WHERE status IN ('pending', 'processing') ORDER BY id LIMIT 100)
    UNION
    (SELECT id FROM categorization_batches ORDER BY id DESC LIMIT 10)
)
SELECT id,
       status,
       coalesce(total_products, 0) AS total,
       coalesce(processed_products, 0) AS processed,
       coalesce(success_products, 0) AS success,
       coalesce(error_products, 0) AS errors,
       coalesce(retry_count, 0) AS retry_count,
       created_at,
       started_at,
       completed_at,
       error_message,
       coalesce(extract(epoch FROM coalesce(started_at, now()) - created_at), 0)::float8 AS wait_s,
       extract(epoch FROM coalesce(completed_at, now()) - started_at)::float8 AS run_s
FROM categorization_batches
WHERE CASE WHEN %(batch_id)s::bigint IS NULL THEN id IN (SELECT id FROM shown) ELSE id = %(batch_id)s::bigint END
ORDER BY id
