-- Approved predictions of a partition that learning reads (read_labelled.sql): their product has no category of its own,
-- and no newer one is approved.
SELECT count(*)
FROM {partition} AS prediction
JOIN catalogd_products AS product ON product.product_id = prediction.product_id
WHERE prediction.status = 'approved'
  AND product.category_code IS NULL
  AND NOT EXISTS (
      SELECT
      FROM predictions AS newer
      WHERE newer.product_id = prediction.product_id
        AND newer.id > prediction.id
        AND newer.status = 'approved'
  )
