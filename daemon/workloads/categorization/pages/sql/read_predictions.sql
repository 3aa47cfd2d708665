-- Predictions by their id, with what they are about.
SELECT prediction.id,
       prediction.product_id,
       prediction.suggested_category_code AS code,
       prediction.suggested_category_label AS label,
       prediction.confidence_score::float8 AS confidence,
       prediction.confidence_level AS level,
       prediction.status,
       prediction.alternatives,
       left(product.name, 1000) AS product_name,
       left(product.sku, 200) AS sku
FROM predictions AS prediction
LEFT JOIN catalogd_products AS product ON product.product_id = prediction.product_id
WHERE prediction.id = ANY(%(ids)s::bigint[])
