-- Give claimed slices back untreated; after a failure that was not theirs the attempt does not count. One that is still
-- locked, by a session of this worker that was cut off and has not ended, is left to whoever finds it free.
UPDATE batch_slices
SET claimed_at = NULL,
    claimed_by = NULL,
    attempts = attempts - %(forgiven)s::int,
    run_after = now() + %(delay)s
WHERE id IN (
    SELECT id
    FROM batch_slices
    WHERE id = ANY(%(slice_ids)s)
      AND claimed_by = %(worker)s
    FOR NO KEY UPDATE SKIP LOCKED
)
