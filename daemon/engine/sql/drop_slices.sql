-- Take away the slices of batches that are cancelled or gone; what a worker holds is left to that worker.
WITH free AS (
    SELECT id
    FROM batch_slices
    WHERE workload = %(workload)s
      AND batch_id = ANY(%(batch_ids)s)
    FOR UPDATE SKIP LOCKED
)
DELETE FROM batch_slices
WHERE id = ANY(ARRAY(SELECT id FROM free))
