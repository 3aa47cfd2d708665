UPDATE products
SET status = 'predicted'
WHERE id = ANY(%(product_ids)s::bigint[])
  AND status IS DISTINCT FROM 'predicted'
