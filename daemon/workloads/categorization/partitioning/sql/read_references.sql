-- Foreign keys from a table, or to it, with what makes them again. A partition's own ones: those it did not get from its
-- parent.
SELECT source.relname AS source,
       target.relname AS target,
       c.conname AS name,
       pg_get_constraintdef(c.oid) AS definition,
       c.confdeltype = 'n' AS sets_null,
       (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]) AS column_name,
       c.convalidated AS is_validated
FROM pg_constraint AS c
JOIN pg_class AS source ON source.oid = c.conrelid
JOIN pg_class AS target ON target.oid = c.confrelid
WHERE c.contype = 'f'
  AND c.conparentid = 0
  AND (NOT %(incoming)s AND c.conrelid = quote_ident(%(table)s)::regclass
       OR %(incoming)s AND c.confrelid = quote_ident(%(table)s)::regclass)
ORDER BY source.relname, c.conname
