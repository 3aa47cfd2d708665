-- Go on holding a batch that is being prepared, if it is still the worker's: no row if another has taken it, or it is gone.
-- In a transaction of the holder's this is the fence around what it writes.
WITH batch AS MATERIALIZED (
    SELECT id, status
    FROM {batches}
    WHERE id = %(batch_id)s
    FOR NO KEY UPDATE
)
UPDATE batch_preparations AS preparation
SET kept_until = clock_timestamp() + preparation.lease
FROM batch
WHERE preparation.workload = %(workload)s::text
  AND preparation.batch_id = batch.id
  AND preparation.claimed_by = %(worker)s
RETURNING batch.status
