-- Lock the shop's product rows in id order, before anything else of the slice: two batches that share products then
-- wait for each other in turn, and never in a circle.
SELECT id
FROM products
WHERE id = ANY(%(product_ids)s::bigint[])
ORDER BY id
FOR NO KEY UPDATE
