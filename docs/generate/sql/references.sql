-- Foreign keys of one column: which table points at which.
SELECT class.relname AS source,
       attribute.attname AS column_name,
       target.relname AS target,
       attribute.attnotnull AS is_required
FROM pg_constraint AS con
JOIN pg_class AS class ON class.oid = con.conrelid
JOIN pg_class AS target ON target.oid = con.confrelid
JOIN pg_attribute AS attribute
  ON attribute.attrelid = con.conrelid
 AND attribute.attnum = con.conkey[1]
WHERE class.relnamespace = current_schema()::regnamespace
  AND con.contype = 'f'
  AND array_length(con.conkey, 1) = 1
ORDER BY source, column_name
