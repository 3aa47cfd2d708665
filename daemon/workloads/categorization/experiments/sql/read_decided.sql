-- What people decided since: the category of the product, or else the newest one they approved; NULL where they only said
-- which it is not. A product whose prediction had been approved before may have been learned from, and is left out.
WITH decided AS (
    SELECT product_id,
           max(id) FILTER (WHERE status = 'approved') AS approved_id,
           array_agg(DISTINCT suggested_category_code) FILTER (WHERE status = 'rejected') AS rejected
    FROM predictions
    WHERE status IN ('approved', 'rejected')
      AND updated_at > %(since)s
    GROUP BY product_id
)
SELECT product.product_id AS id,
       product.sku,
       product.name,
       product.manufacturer,
       product.part_number,
       product.description,
       product.attributes,
       category.code AS category_code,
       coalesce(decided.rejected, '{{}}') AS rejected
FROM decided
JOIN catalogd_products AS product ON product.product_id = decided.product_id
LEFT JOIN predictions AS approved ON approved.id = decided.approved_id
LEFT JOIN catalogd_categories AS category ON category.code = coalesce(product.category_code, approved.suggested_category_code)
WHERE NOT EXISTS (
    SELECT
    FROM predictions AS earlier
    WHERE earlier.product_id = decided.product_id
      AND earlier.status = 'approved'
      AND (earlier.updated_at > %(since)s) IS NOT TRUE
)
ORDER BY product.product_id
