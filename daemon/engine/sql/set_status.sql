-- A person's order, as PHP gives it: the trigger on the batch table audits it and rings the bell.
UPDATE {batches}
SET status = %(status)s,
    retry_count = retry_count + %(retries)s
WHERE id = %(batch_id)s
  AND status = ANY(%(allowed)s)
RETURNING id
