-- What people decided, the newest first: the candidate that they chose counts 1, those they did not share -1.
SELECT CASE WHEN candidate.is_same THEN 1
            ELSE -1.0 / count(*) OVER (PARTITION BY candidate.id, candidate.is_same) END::double precision AS answer,
       candidate.features
FROM (
    SELECT review.id, one.value ->> 'product_id' AS product_id, one.value -> 'features' AS features,
           (one.value ->> 'product_id')::bigint IS NOT DISTINCT FROM review.product_id AS is_same
    FROM (
        SELECT id, product_id, candidates
        FROM match_reviews
        WHERE status IN ('approved', 'rejected')
        ORDER BY decided_at DESC
        LIMIT %(limit)s
    ) AS review
    CROSS JOIN LATERAL jsonb_array_elements(review.candidates) AS one (value)
    WHERE one.value ? 'features'
) AS candidate
ORDER BY candidate.id, candidate.product_id
