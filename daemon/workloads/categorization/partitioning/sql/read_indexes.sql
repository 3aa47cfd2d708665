-- A table's indexes with the statements that make them.
SELECT index.relname AS name,
       pg_get_indexdef(index.oid) AS definition,
       i.indisunique AS is_unique,
       c.conname AS constraint_name,
       i.indisprimary AS is_primary
FROM pg_index AS i
JOIN pg_class AS index ON index.oid = i.indexrelid
LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.conrelid = i.indrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid = quote_ident(%(table)s)::regclass
  AND i.indisvalid
ORDER BY index.relname
