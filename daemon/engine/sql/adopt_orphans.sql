-- A batch in processing without slices was put there by hand, or its slices were: it is planned anew. Planning and
-- settling change both in one commit, so that no batch at work ever looks like this. One that PHP holds waits its turn.
WITH orphan AS (
    SELECT batch.id
    FROM {batches} AS batch
    WHERE batch.status = 'processing'
      AND NOT EXISTS (SELECT FROM batch_slices AS slice WHERE slice.workload = %(workload)s AND slice.batch_id = batch.id)
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {batches} AS batch
SET status = 'pending'
FROM orphan
WHERE batch.id = orphan.id
RETURNING batch.id
