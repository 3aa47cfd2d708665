-- What catalogd relies on, one line each. Columns and triggers that the shop adds are its own affair: only the loss or
-- the change of a line found here at the last migration counts.
WITH own AS (
    SELECT oid, relname
    FROM pg_class
    WHERE relnamespace = quote_ident(current_schema())::regnamespace
      AND relname IN ('categorization_batches', 'predictions', 'evidence', 'audit_log', 'categorization_errors',
                      'batch_slices', 'batch_preparations', 'categorization_models', 'human_recommendations', 'human_decisions',
                      'lived_decisions', 'lived_precision', 'lived_precision_by_model', 'category_rules',
                      'batch_observations', 'catalogd_duties', 'suppliers', 'supplier_imports',
                      'supplier_import_lines', 'supplier_import_results', 'supplier_import_errors', 'supplier_items',
                      'supplier_item_prices', 'match_reviews', 'product_drafts', 'product_offers',
                      'catalogd_products', 'catalogd_categories')
)
SELECT format('column %s.%s %s', own.relname, attribute.attname, format_type(attribute.atttypid, NULL)) AS line
FROM own
JOIN pg_attribute AS attribute ON attribute.attrelid = own.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
WHERE own.relname NOT IN ('catalogd_products', 'catalogd_categories')
UNION ALL
SELECT format('view column %s.%s', own.relname, attribute.attname)
FROM own
JOIN pg_attribute AS attribute ON attribute.attrelid = own.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
WHERE own.relname IN ('catalogd_products', 'catalogd_categories')
UNION ALL
SELECT format('trigger %s on %s, enabled %s, function %s', t.tgname, own.relname, t.tgenabled,
              md5(concat_ws(' ', p.prosrc, p.prosecdef, p.proconfig)))
FROM own
JOIN pg_trigger AS t ON t.tgrelid = own.oid AND NOT t.tgisinternal AND t.tgname LIKE 'catalogd%'
JOIN pg_proc AS p ON p.oid = t.tgfoid
UNION ALL
SELECT format('constraint %s on %s: %s', c.conname, own.relname,
              regexp_replace(pg_get_constraintdef(c.oid), ' NOT VALID$', ''))  -- "partition" validates it in a moment
FROM own
JOIN pg_constraint AS c ON c.conrelid = own.oid AND c.contype IN ('c', 'f', 'u', 'p') AND c.conparentid = 0
JOIN catalogd_additions AS a ON a.table_name = own.relname AND (a.name = c.conname OR a.name = own.relname)
UNION ALL
SELECT format('unique index on %s (%s)', own.relname, pg_get_indexdef(i.indexrelid))
FROM own
JOIN pg_index AS i ON i.indrelid = own.oid AND i.indisunique AND i.indisvalid
JOIN catalogd_additions AS a ON a.kind = 'index' AND a.name = (i.indexrelid::regclass)::text
ORDER BY line
