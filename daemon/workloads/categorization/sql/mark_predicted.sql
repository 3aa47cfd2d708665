UPDATE products
SET status = 'predicted'
WHERE id = ANY(%(product_ids)s)
  AND status IS DISTINCT FROM 'predicted'
