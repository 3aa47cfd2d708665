-- What the import needs of the shop and does not find there, as people name it.
SELECT needed.of_table || '.' || needed.of_column AS name
FROM (VALUES
    ('categories', 'code'),
    ('categories', 'label'),
    ('categories', 'path'),
    ('products', 'sku'),
    ('products', 'name'),
    ('products', 'manufacturer'),
    ('products', 'part_number'),
    ('products', 'description'),
    ('products', 'attributes'),
    ('products', 'category_code'),
    ('products', 'updated_at')
) AS needed (of_table, of_column)
WHERE NOT EXISTS (
    SELECT
    FROM pg_attribute AS found
    WHERE found.attrelid = to_regclass(needed.of_table)
      AND found.attname = needed.of_column
      AND NOT found.attisdropped
)
UNION ALL
SELECT 'a unique index on products.sku'
WHERE NOT EXISTS (
    SELECT
    FROM pg_index AS found
    JOIN pg_attribute AS sku ON sku.attrelid = found.indrelid AND sku.attnum = found.indkey[0]
    WHERE found.indrelid = to_regclass('products')
      AND found.indisunique
      AND found.indpred IS NULL
      AND found.indnkeyatts = 1
      AND sku.attname = 'sku'
)
