-- Lock the next batch that waits to be planned, to see whether it is at fault when it cannot be.
SELECT id
FROM {batches}
WHERE status = 'pending'
  AND id > %(after)s
  AND (NOT %(is_prepared)s OR {batches}.retry_count >= %(retry_limit)s::int OR EXISTS (
      SELECT
      FROM batch_preparations AS preparation
      WHERE preparation.workload = %(workload)s::text
        AND preparation.batch_id = {batches}.id
        AND preparation.is_ready
        AND preparation.retry_count = coalesce({batches}.retry_count, 0)
  ))
  AND id <> ALL(%(put_off)s::bigint[])
ORDER BY id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED
