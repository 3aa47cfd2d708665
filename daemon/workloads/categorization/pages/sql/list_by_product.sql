-- A page of a batch's predictions by product, of a window of them.
SELECT id,
       product_id,
       confidence_score::float8 AS confidence
FROM (
    SELECT id, product_id, confidence_score, confidence_level, status
    FROM predictions
    WHERE batch_id = %(batch_id)s
      AND product_id > %(after_product)s
    ORDER BY product_id
    LIMIT %(window)s
) AS next
WHERE (%(level)s::text IS NULL OR confidence_level = %(level)s::text)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(from_confidence)s::int IS NULL
       OR least(floor(confidence_score / 5) * 5, 95) = %(from_confidence)s::int)
ORDER BY product_id
LIMIT %(limit)s
