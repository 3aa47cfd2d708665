-- What people have decided: the category they gave a product, or else the newest prediction that they approved.
SELECT product.product_id AS id,
       product.sku,
       product.name,
       product.manufacturer,
       product.part_number,
       product.description,
       product.attributes,
       category.code AS category_code
FROM catalogd_products AS product
LEFT JOIN LATERAL (
    SELECT prediction.suggested_category_code AS code
    FROM predictions AS prediction
    WHERE product.category_code IS NULL
      AND prediction.product_id = product.product_id
      AND (prediction.status = 'approved') IS TRUE
    ORDER BY prediction.id DESC
    LIMIT 1
) AS approved ON true
JOIN catalogd_categories AS category ON category.code = coalesce(product.category_code, approved.code)
ORDER BY product.product_id
