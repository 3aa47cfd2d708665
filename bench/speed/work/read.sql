-- Products as a decision needs them.
SELECT id, sku, name, manufacturer, part_number, description, attributes, category_code
FROM products
WHERE id = ANY($1::bigint[])
