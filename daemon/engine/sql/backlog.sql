-- Whether there is something to plan, something to treat, and anything open at all, though others may hold it. The queue
-- is asked in its order: without one, Postgres reads the table from its start, through all that has been done.
SELECT EXISTS (SELECT FROM {batches} WHERE status = 'pending') AS to_plan,
       (SELECT id
        FROM batch_slices
        WHERE workload = %(workload)s
        ORDER BY priority DESC, turn, id
        LIMIT 1) IS NOT NULL AS to_treat,
       EXISTS (SELECT FROM {batches} WHERE status = 'processing') AS processing
