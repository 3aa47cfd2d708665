-- catalogd's own triggers on a table, with the statements that make them.
SELECT t.tgname AS name,
       pg_get_triggerdef(t.oid) AS definition
FROM pg_trigger AS t
WHERE t.tgrelid = quote_ident(%(table)s)::regclass
  AND NOT t.tgisinternal
  AND t.tgname LIKE 'catalogd%%'
ORDER BY t.tgname
