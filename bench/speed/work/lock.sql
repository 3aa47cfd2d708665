-- In id order, against a batch that shares products with this one.
SELECT id
FROM products
WHERE id = ANY($1::bigint[])
ORDER BY id
FOR NO KEY UPDATE
