-- Give claimed slices back untreated, after a failure that was not theirs: the attempt does not count.
UPDATE batch_slices
SET claimed_at = NULL,
    claimed_by = NULL,
    attempts = attempts - 1,
    run_after = now() + %(delay)s
WHERE id = ANY(%(slice_ids)s)
  AND claimed_by = %(worker)s
