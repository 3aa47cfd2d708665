-- The products that people decided on since, but for those whose category had been named before: they may have been
-- learned from.
SELECT product.product_id AS id,
       product.sku,
       product.name,
       product.manufacturer,
       product.part_number,
       product.description,
       product.attributes,
       product.category_code
FROM catalogd_products AS product
WHERE product.product_id IN (
    SELECT product_id
    FROM human_decisions
    WHERE decided_at > %(since)s
)
  AND NOT EXISTS (
    SELECT
    FROM human_decisions AS earlier
    WHERE earlier.product_id = product.product_id
      AND earlier.right_category_code IS NOT NULL
      AND earlier.decided_at <= %(since)s
)
ORDER BY product.product_id
