-- Cut a slice that ended its workers into single items, each to be treated alone. The caller has the slice locked.
WITH gone AS (
    DELETE FROM batch_slices
    WHERE id = %(slice_id)s
    RETURNING workload, batch_id, priority, turn, items
)
INSERT INTO batch_slices (workload, batch_id, priority, turn, items, attempts)
SELECT workload,
       batch_id,
       priority,
       turn,
       ARRAY[item],
       1
FROM gone
CROSS JOIN LATERAL unnest(items) AS single (item)
ORDER BY item
