-- Items treated in each of the last sixty minutes (0 is the one that ends now), of the newest batches. When each of a
-- batch's items was treated is written nowhere: they are spread evenly over the time from its start to its end, or to now.
WITH newest AS (
    SELECT started_at,
           completed_at,
           {processed} AS processed
    FROM {batches}
    ORDER BY id DESC
    LIMIT %(window)s
), work AS MATERIALIZED (  -- or each age would be reckoned many times over
    SELECT processed,
           extract(epoch FROM now() - started_at)::float8 AS began_s_ago,
           greatest(extract(epoch FROM now() - coalesce(completed_at, now())), 0)::float8 AS ended_s_ago
    FROM newest
    WHERE processed > 0
      AND started_at BETWEEN '0001-01-02' AND now()
      AND (completed_at IS NULL OR completed_at BETWEEN now() - interval '1 hour' AND '9999-12-30')
)
SELECT minute.ago,
       sum(processed * greatest(least(length.began_s_ago, (minute.ago + 1) * 60) - greatest(ended_s_ago, minute.ago * 60), 0)
           / (length.began_s_ago - ended_s_ago))::float8 AS items
FROM work
CROSS JOIN LATERAL (SELECT greatest(work.began_s_ago, ended_s_ago + 0.001) AS began_s_ago) AS length
CROSS JOIN LATERAL generate_series(floor(ended_s_ago / 60)::int, least(floor(length.began_s_ago / 60)::int, 59)) AS minute (ago)
GROUP BY minute.ago
ORDER BY minute.ago
