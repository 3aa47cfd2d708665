UPDATE products
SET status = 'predicted'
WHERE id = ANY($1::bigint[])
