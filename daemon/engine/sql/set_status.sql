-- A person's order, as PHP gives it: the trigger on the batch table audits it and rings the bell.
UPDATE {batches}
SET status = %(status)s,
    retry_count = greatest(retry_count, 0) + %(retries)s
WHERE id = %(batch_id)s
  AND status = ANY(%(allowed)s)
  AND (%(retries)s = 0 OR greatest(retry_count, 0) < %(retry_limit)s - %(retries)s)
RETURNING id
