-- Forget the preparation of batches that want none any more: they were cancelled, deleted or have come to their end.
DELETE FROM batch_preparations AS preparation
WHERE preparation.workload = %(workload)s
  AND (preparation.claimed_by = %(worker)s
       OR preparation.kept_until IS NULL
       OR preparation.kept_until NOT BETWEEN now() AND clock_timestamp() + preparation.lease)
  AND NOT EXISTS (SELECT FROM {batches} AS batch WHERE batch.id = preparation.batch_id AND batch.status = 'pending')
