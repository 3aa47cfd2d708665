-- Lock claimed slices for the transaction that will settle them; this lock is the lease. A slice that is no longer this
-- worker's (another took it, or its batch was planned anew) is not found.
SELECT slice.id,
       slice.batch_id,
       slice.items,
       batch.status AS batch_status
FROM batch_slices AS slice
LEFT JOIN {batches} AS batch ON batch.id = slice.batch_id
WHERE slice.id = ANY(%(slice_ids)s)
  AND slice.claimed_by = %(worker)s
ORDER BY slice.id
FOR NO KEY UPDATE OF slice SKIP LOCKED
