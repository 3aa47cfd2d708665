-- Lock claimed slices for the transaction that will settle them; this lock is the lease. A slice that is no longer this
-- worker's (another took it, or its batch was planned anew) is not found. No statement of the transaction may last for ever.
SELECT slice.id,
       slice.batch_id,
       slice.items,
       batch.status AS batch_status
FROM batch_slices AS slice
LEFT JOIN {batches} AS batch ON batch.id = slice.batch_id
CROSS JOIN (SELECT set_config('statement_timeout', %(endless)s, true) OFFSET 0) AS bounded
WHERE slice.id = ANY(%(slice_ids)s)
  AND slice.claimed_by = %(worker)s
ORDER BY slice.id
FOR NO KEY UPDATE OF slice SKIP LOCKED
