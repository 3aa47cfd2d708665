SELECT product_id AS id,
       sku,
       name,
       manufacturer,
       part_number,
       description,
       attributes,
       category_code
FROM catalogd_products
ORDER BY product_id
LIMIT %(limit)s
