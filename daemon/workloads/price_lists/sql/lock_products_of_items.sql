-- Lock the products that these items are offers of now, in the order of their ids.
SELECT id
FROM products
WHERE id IN (SELECT product_id FROM supplier_items WHERE id = ANY(%(ids)s))
ORDER BY id
FOR NO KEY UPDATE
