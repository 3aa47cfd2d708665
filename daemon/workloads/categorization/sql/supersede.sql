-- Of several predictions for a product only the newest waits for a person; the caller holds the product's lock.
-- By the product's index alone: where people have decided on everything, the statistics know of no pending one, and the
-- status' index would look best while this very batch fills it.
UPDATE predictions
SET status = 'superseded',
    updated_at = now()
WHERE product_id = ANY(%(product_ids)s::bigint[])
  AND (status = 'pending') IS TRUE
