SELECT product_id AS id,
       sku,
       name,
       manufacturer,
       part_number,
       description,
       attributes,
       category_code
FROM catalogd_products
WHERE product_id = ANY(%(product_ids)s::bigint[])
