-- What PHP does, and all it does.
INSERT INTO supplier_imports (supplier_id, source_type, source_url, column_mapping, options)
SELECT id, %(source_type)s, %(source_url)s, %(column_mapping)s::jsonb, %(options)s::jsonb
FROM suppliers
WHERE name = %(supplier)s
RETURNING id
