-- How long the newest batches waited that were started in each of the last sixty minutes (0 is the one that ends now),
-- and in all of them (ago is NULL). A batch that was set back has waited for whoever set it back: it is left out.
WITH newest AS (
    SELECT created_at,
           started_at,
           retry_count
    FROM {batches}
    ORDER BY id DESC
    LIMIT %(window)s
), started AS (
    SELECT floor(extract(epoch FROM now() - started_at) / 60)::int AS ago,
           greatest(extract(epoch FROM started_at - created_at), 0)::float8 AS wait_s
    FROM newest
    WHERE coalesce(retry_count, 0) = 0
      AND started_at > now() - interval '1 hour'
      AND started_at <= now()
      AND created_at BETWEEN '0001-01-02' AND '9999-12-30'
)
SELECT ago,
       count(*) AS batches,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s) AS middle_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_s) AS late_s,
       max(wait_s) AS longest_s
FROM started
GROUP BY GROUPING SETS ((ago), ())
ORDER BY ago NULLS FIRST
