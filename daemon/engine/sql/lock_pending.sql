-- Lock the next batch that waits to be planned, to see whether it is at fault when it cannot be.
SELECT id
FROM {batches}
WHERE status = 'pending'
  AND id > %(after)s
  AND id <> ALL(%(put_off)s::bigint[])
ORDER BY id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED
