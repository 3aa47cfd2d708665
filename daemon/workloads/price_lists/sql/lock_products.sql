-- Lock products in the order of their ids, as everything does that has several; returns those that there are.
SELECT id
FROM products
WHERE id = ANY(%(product_ids)s)
ORDER BY id
FOR NO KEY UPDATE
