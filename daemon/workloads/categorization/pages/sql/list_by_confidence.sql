-- A page of a batch's predictions, the least sure first, or, with a sign of -1, the surest; of the first so many by product.
SELECT id,
       product_id,
       %(sign)s * coalesce(confidence_score, 0)::float8 AS confidence
FROM (
    SELECT id, product_id, confidence_score, confidence_level, status
    FROM predictions
    WHERE batch_id = %(batch_id)s
    ORDER BY product_id
    LIMIT %(window)s
) AS first
WHERE (%(level)s::text IS NULL OR confidence_level = %(level)s::text)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(from_confidence)s::int IS NULL
       OR least(floor(confidence_score / 5) * 5, 95) = %(from_confidence)s::int)
  AND (%(sign)s * coalesce(confidence_score, 0)::float8, product_id) > (%(after_confidence)s::float8, %(after_product)s::bigint)
ORDER BY 3, product_id
LIMIT %(limit)s
