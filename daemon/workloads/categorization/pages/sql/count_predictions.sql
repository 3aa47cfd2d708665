-- A batch's predictions by confidence, in steps of five, and level; of the first so many by product.
SELECT CASE WHEN confidence_score BETWEEN 10 AND 100 THEN least(floor(confidence_score / 5) * 5, 95)::int END AS from_confidence,
       confidence_level AS level,
       status,
       count(*) AS predictions
FROM (
    SELECT confidence_score, confidence_level, status
    FROM predictions
    WHERE batch_id = %(batch_id)s
    ORDER BY product_id
    LIMIT %(limit)s
) AS of_batch
GROUP BY 1, 2, 3
ORDER BY 1 NULLS FIRST, 2, 3
