-- Of each level the prediction with the most reasons: there is the most to see.
SELECT DISTINCT ON (prediction.confidence_level)
       prediction.id,
       product.sku,
       prediction.confidence_level AS level
FROM predictions AS prediction
JOIN products AS product ON product.id = prediction.product_id
CROSS JOIN LATERAL (
    SELECT count(*) AS reasons
    FROM evidence
    WHERE evidence.prediction_id = prediction.id
) AS counted
WHERE prediction.batch_id = %(batch_id)s
ORDER BY prediction.confidence_level, counted.reasons DESC, prediction.product_id
