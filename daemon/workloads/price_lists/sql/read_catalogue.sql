-- Products to match with, some at a time. A barcode and a price are known where the shop's view has such columns.
SELECT product.product_id,
       product.sku,
       product.name,
       product.manufacturer,
       product.part_number,
       coalesce(optional ->> 'barcode', optional ->> 'ean', optional ->> 'gtin') AS barcode,
       optional ->> 'price' AS price,
       product.attributes
FROM catalogd_products AS product
CROSS JOIN LATERAL to_jsonb(product) AS optional
WHERE product.product_id > %(after)s
ORDER BY product.product_id
LIMIT %(limit)s
