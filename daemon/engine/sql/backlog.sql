-- Whether there is something to plan, something to treat, and anything open at all, though others may hold it.
SELECT EXISTS (SELECT FROM {batches} WHERE status = 'pending') AS to_plan,
       EXISTS (SELECT FROM batch_slices WHERE workload = %(workload)s) AS to_treat,
       EXISTS (SELECT FROM {batches} WHERE status = 'processing') AS processing
