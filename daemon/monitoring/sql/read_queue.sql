-- What the engine holds of each kind of work: slices that wait and slices that somebody has claimed, of at most so many
-- as are counted, the next ones first; and preparations, by how far they are.
SELECT known.workload,
       slices.waiting,
       slices.held,
       preparations.waiting AS to_prepare,
       preparations.held AS preparing,
       preparations.ready
FROM unnest(%(workloads)s::text[]) AS known (workload)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE claimed_at IS NULL) AS waiting,
           count(*) FILTER (WHERE claimed_at IS NOT NULL) AS held
    FROM (
        SELECT claimed_at
        FROM batch_slices
        WHERE batch_slices.workload = known.workload
        ORDER BY priority DESC, turn, id
        LIMIT %(most)s
    ) AS slice
) AS slices
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE NOT is_ready AND claimed_by IS NULL) AS waiting,
           count(*) FILTER (WHERE NOT is_ready AND claimed_by IS NOT NULL) AS held,
           count(*) FILTER (WHERE is_ready) AS ready
    FROM (
        SELECT is_ready, claimed_by
        FROM batch_preparations
        WHERE batch_preparations.workload = known.workload
        LIMIT %(most)s
    ) AS preparation
) AS preparations
