-- Take the next batch that has to be prepared and is nobody's: it was never begun, is due again, or its holder has not
-- been heard of for longer than its lease. Times that lie further ahead than the code ever sets come from a clock that was
-- put back; by the clock of this very moment, for a peer may have written them since this statement began. A holder of this
-- very instance is alive, and one that was cut off by a restart of the server did not die: those do not count as deaths.
-- What was in hand when a process died is suspect, and taken only by who has no other such thing in hand.
-- The batch's row is locked first, as everywhere. One that was set back begins anew.
WITH front AS (
    SELECT batch.id,
           coalesce(batch.retry_count, 0) AS retry_count
    FROM {batches} AS batch
    LEFT JOIN batch_preparations AS preparation
      ON preparation.workload = %(workload)s::text
     AND preparation.batch_id = batch.id
    WHERE batch.status = 'pending'
      AND coalesce(batch.retry_count, 0) < %(retry_limit)s::int
      AND (preparation.is_ready IS NOT TRUE OR preparation.retry_count <> coalesce(batch.retry_count, 0))
      AND (preparation.run_after IS NULL
           OR preparation.run_after NOT BETWEEN now() AND clock_timestamp() + %(longest_delay)s)
      AND (preparation.kept_until IS NULL
           OR preparation.kept_until NOT BETWEEN now() AND clock_timestamp() + preparation.lease)
      AND (%(takes_suspects)s OR coalesce(preparation.deaths, 0) = 0 AND preparation.kept_until IS NULL)
    ORDER BY batch.priority DESC, batch.id
    LIMIT 1
    FOR NO KEY UPDATE OF batch SKIP LOCKED
)
INSERT INTO batch_preparations AS preparation (workload, batch_id, retry_count, claimed_by, kept_until, lease)
SELECT %(workload)s::text,
       id,
       retry_count,
       %(worker)s,
       clock_timestamp() + %(lease)s,
       %(lease)s
FROM front
ON CONFLICT (workload, batch_id) DO UPDATE
SET is_ready = false,
    retry_count = excluded.retry_count,
    claimed_by = excluded.claimed_by,
    kept_until = excluded.kept_until,
    lease = excluded.lease,
    run_after = NULL,
    tries = CASE WHEN preparation.retry_count = excluded.retry_count THEN preparation.tries ELSE 0 END,
    deaths = CASE
        WHEN preparation.retry_count <> excluded.retry_count THEN 0
        WHEN preparation.kept_until IS NULL THEN preparation.deaths
        WHEN split_part(preparation.claimed_by, '/', 1) = %(instance)s THEN preparation.deaths
        WHEN preparation.kept_until < pg_postmaster_start_time() + preparation.lease THEN preparation.deaths
        ELSE preparation.deaths + 1
    END
WHERE (NOT preparation.is_ready OR preparation.retry_count <> excluded.retry_count)  -- as it is now
  AND (preparation.run_after IS NULL
       OR preparation.run_after NOT BETWEEN now() AND clock_timestamp() + %(longest_delay)s)
  AND (preparation.kept_until IS NULL
       OR preparation.kept_until NOT BETWEEN now() AND clock_timestamp() + preparation.lease)
RETURNING preparation.batch_id, preparation.deaths, preparation.tries
