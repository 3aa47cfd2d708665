SELECT product.sku,
       prediction.suggested_category_code AS code,
       prediction.confidence_level AS level
FROM predictions AS prediction
JOIN products AS product ON product.id = prediction.product_id
WHERE prediction.batch_id = %(batch_id)s
