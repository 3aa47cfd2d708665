SELECT prediction.id,
       prediction.product_id,
       prediction.batch_id,
       prediction.suggested_category_code,
       prediction.suggested_category_label,
       prediction.confidence_score::float8 AS confidence,
       prediction.confidence_level,
       prediction.status,
       prediction.model_version,
       prediction.alternatives,
       product.name AS product_name
FROM predictions AS prediction
LEFT JOIN catalogd_products AS product ON product.product_id = prediction.product_id
WHERE prediction.id = %(prediction_id)s
