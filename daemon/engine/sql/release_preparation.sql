-- The holder's step has ended: the batch is ready to be cut, or due again after a while. A step that succeeded forgets the
-- failures before it.
UPDATE batch_preparations
SET is_ready = %(is_ready)s,
    run_after = now() + %(delay)s,
    claimed_by = NULL,
    kept_until = NULL,
    tries = %(tries)s,
    deaths = CASE WHEN %(tries)s = 0 THEN 0 ELSE deaths END
WHERE workload = %(workload)s
  AND batch_id = %(batch_id)s
  AND claimed_by = %(worker)s
