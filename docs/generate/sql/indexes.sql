-- Indexes that are not those of a key.
SELECT class.relname AS relation,
       index.indexrelid::regclass::text AS name,
       regexp_replace(pg_get_indexdef(index.indexrelid), '^CREATE (UNIQUE )?INDEX .* USING btree ', '\1') AS definition
FROM pg_index AS index
JOIN pg_class AS class ON class.oid = index.indrelid
WHERE class.relnamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_constraint AS con WHERE con.conindid = index.indexrelid AND con.contype IN ('p', 'u'))
ORDER BY class.relname, name
