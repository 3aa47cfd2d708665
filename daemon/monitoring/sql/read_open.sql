-- What is open of one kind of work, by status: how many batches, since when the oldest waits or is worked on, and how many
-- items are left. Of a batch that was set back nothing tells when: its first insert would be no wait. The few that are open
-- are found by their status, however many have ended. PHP may have written any time, even infinity.
SELECT status,
       count(*) AS batches,
       coalesce(max(CASE
           WHEN status = 'pending' AND retry_count = 0 AND isfinite(created_at)
               THEN extract(epoch FROM now() - created_at)
           WHEN status = 'processing' AND isfinite(started_at)
               THEN extract(epoch FROM now() - started_at)
       END), 0)::float8 AS oldest_s,
       coalesce(sum({remaining}), 0)::float8 AS items_left
FROM {batches}
WHERE status IN ('pending', 'processing')
GROUP BY status
