-- What people decided, the newest first: a candidate that they said is the thing, and those they said are not.
SELECT (candidate.value ->> 'product_id')::bigint IS NOT DISTINCT FROM review.product_id AS is_same,
       candidate.value -> 'features' AS features
FROM (
    SELECT id, product_id, candidates
    FROM match_reviews
    WHERE status IN ('approved', 'rejected')
    ORDER BY decided_at DESC
    LIMIT %(limit)s
) AS review
CROSS JOIN LATERAL jsonb_array_elements(review.candidates) AS candidate (value)
WHERE candidate.value ? 'features'
ORDER BY review.id, candidate.value ->> 'product_id'
