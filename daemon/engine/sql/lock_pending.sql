-- Lock the next batch that waits to be planned, and with a small one its small neighbours. Sizes are the stored ones, so
-- that a huge list is not read just to be measured; a huge one is planned alone, and holds no other up.
WITH front AS (
    SELECT id,
           coalesce(pg_column_size({items}), 0) AS bytes
    FROM {batches}
    WHERE status = 'pending'
      AND id > %(after)s
      AND id <> ALL(%(put_off)s::bigint[])
    ORDER BY id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
), neighbour AS (
    SELECT batch.id
    FROM front
    JOIN {batches} AS batch
      ON batch.status = 'pending'
     AND batch.id > front.id
     AND batch.id <> ALL(%(put_off)s::bigint[])
    WHERE front.bytes <= %(small)s
      AND coalesce(pg_column_size(batch.{items}), 0) <= %(small)s
    ORDER BY batch.id
    LIMIT %(limit)s - 1
    FOR NO KEY UPDATE OF batch SKIP LOCKED
)
SELECT array_agg(id ORDER BY id)
FROM (
    SELECT id
    FROM front
    UNION ALL
    SELECT id
    FROM neighbour
) AS locked
