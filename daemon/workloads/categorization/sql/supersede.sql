-- Of several predictions for a product only the newest waits for a person; the caller holds the product's lock.
UPDATE predictions
SET status = 'superseded',
    updated_at = now()
WHERE product_id = ANY(%(product_ids)s)
  AND status = 'pending'
