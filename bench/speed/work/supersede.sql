UPDATE predictions
SET status = 'superseded',
    updated_at = now()
WHERE product_id = ANY($1::bigint[])
  AND status = 'pending'
