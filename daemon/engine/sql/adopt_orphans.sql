-- A batch in processing without slices was put there by hand, or its slices were: it is planned anew. Planning and
-- settling change both in one commit, so that no batch at work ever looks like this.
UPDATE {batches} AS batch
SET status = 'pending'
WHERE batch.status = 'processing'
  AND NOT EXISTS (SELECT FROM batch_slices AS slice WHERE slice.workload = %(workload)s AND slice.batch_id = batch.id)
RETURNING batch.id
