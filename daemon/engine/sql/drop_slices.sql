-- Take away the slices of batches that are to be planned anew, cancelled or gone. What a worker holds is left to that
-- worker: the answer names the batches that still have such a slice.
WITH present AS (
    SELECT id, batch_id
    FROM batch_slices
    WHERE workload = %(workload)s
      AND batch_id = ANY(%(batch_ids)s)
), free AS (
    SELECT slice.id
    FROM batch_slices AS slice
    WHERE slice.id IN (SELECT id FROM present)
    FOR UPDATE SKIP LOCKED
), dropped AS (
    DELETE FROM batch_slices
    WHERE id IN (SELECT id FROM free)
)
SELECT DISTINCT batch_id
FROM present
WHERE NOT EXISTS (SELECT FROM free WHERE free.id = present.id)
