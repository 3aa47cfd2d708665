-- Changes when anything does that the matching reads of the catalogue, and with nothing else.
SELECT count(*) || ':' || coalesce(sum(hashtextextended(
           jsonb_build_array(product.product_id, product.sku, product.name, product.manufacturer, product.part_number,
                             product.attributes, optional -> 'barcode', optional -> 'ean', optional -> 'gtin',
                             optional -> 'price')::text,
           0)), 0)
FROM catalogd_products AS product
CROSS JOIN LATERAL to_jsonb(product) AS optional
