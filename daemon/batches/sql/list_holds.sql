-- What is in whose hands: slices that are claimed, by claimer and batch, and batches that are being prepared. What is
-- claimed stands at the front of the queue, and is looked for there alone: of a long one the rest is not read.
SELECT split_part(front.claimed_by, '/', 1) AS instance,
       front.workload,
       front.batch_id,
       count(*)::int AS slices,
       sum(front.item_count)::int AS items
FROM unnest(%(workloads)s::text[]) AS wanted (workload)
CROSS JOIN LATERAL (
    SELECT workload, batch_id, claimed_by, item_count
    FROM batch_slices
    WHERE batch_slices.workload = wanted.workload
    ORDER BY priority DESC, turn, id
    LIMIT 2000
) AS front
WHERE front.claimed_by IS NOT NULL
GROUP BY 1, 2, 3
UNION ALL
SELECT split_part(claimed_by, '/', 1),
       workload,
       batch_id,
       0,
       0
FROM batch_preparations
WHERE workload = ANY(%(workloads)s::text[])
  AND claimed_by IS NOT NULL
  AND kept_until > now()
ORDER BY 1, 2, 3
