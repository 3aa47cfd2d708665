-- Predictions by their id.
SELECT id,
       product_id,
       suggested_category_code AS code,
       suggested_category_label AS label,
       confidence_score::float8 AS confidence,
       confidence_level AS level,
       status,
       alternatives
FROM predictions
WHERE id = ANY(%(ids)s::bigint[])
