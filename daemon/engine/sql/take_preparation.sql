-- Take the next batch that has to be prepared and is nobody's: it was never begun, is due again, or its holder has not
-- been heard of for longer than the lease. Times that lie further ahead than the code ever sets come from a clock that was
-- put back; by the clock of this very moment, for a peer may have written them since this statement began. A holder of this
-- very instance is alive, and one that was cut off by a restart of the server did not die: those do not count as deaths.
-- The batch's row is locked first, as everywhere.
WITH front AS (
    SELECT batch.id
    FROM {batches} AS batch
    LEFT JOIN batch_preparations AS preparation
      ON preparation.workload = %(workload)s::text
     AND preparation.batch_id = batch.id
    WHERE batch.status = 'pending'
      AND coalesce(batch.retry_count, 0) < %(retry_limit)s::int
      AND preparation.is_ready IS NOT TRUE
      AND (preparation.run_after IS NULL OR preparation.run_after NOT BETWEEN now() AND clock_timestamp() + %(longest_delay)s)
      AND (preparation.kept_until IS NULL OR preparation.kept_until NOT BETWEEN now() AND clock_timestamp() + %(lease)s)
    ORDER BY batch.priority DESC, preparation.run_after NULLS FIRST, batch.id
    LIMIT 1
    FOR NO KEY UPDATE OF batch SKIP LOCKED
)
INSERT INTO batch_preparations AS preparation (workload, batch_id, claimed_by, kept_until)
SELECT %(workload)s::text,
       id,
       %(worker)s,
       clock_timestamp() + %(lease)s
FROM front
ON CONFLICT (workload, batch_id) DO UPDATE
SET claimed_by = excluded.claimed_by,
    kept_until = excluded.kept_until,
    run_after = NULL,
    deaths = preparation.deaths + CASE
        WHEN preparation.kept_until IS NULL THEN 0
        WHEN split_part(preparation.claimed_by, '/', 1) = %(instance)s THEN 0
        WHEN preparation.kept_until < pg_postmaster_start_time() + %(lease)s THEN 0
        ELSE 1
    END
WHERE NOT preparation.is_ready  -- as it is now: another may have taken it since this statement began
  AND (preparation.run_after IS NULL OR preparation.run_after NOT BETWEEN now() AND clock_timestamp() + %(longest_delay)s)
  AND (preparation.kept_until IS NULL OR preparation.kept_until NOT BETWEEN now() AND clock_timestamp() + %(lease)s)
RETURNING preparation.batch_id, preparation.deaths, preparation.tries
