-- The triggers that notify, of each table of batches: whether they are fired, and do what they are for.
SELECT wanted.relation,
       bell.name = %(bell)s,
       coalesce(found.tgenabled IN ('O', 'A'), false),
       coalesce(function.prosrc ~ 'pg_notify\s*\(\s*''catalogd''', false)
FROM unnest(%(tables)s::text[]) AS wanted (relation)
CROSS JOIN (VALUES ('catalogd_batch_inserted'), ('catalogd_batch_ordered')) AS bell (name)
LEFT JOIN pg_trigger AS found
  ON found.tgrelid = to_regclass(quote_ident(wanted.relation))
 AND found.tgname = bell.name
LEFT JOIN pg_proc AS function
  ON function.oid = found.tgfoid
ORDER BY 1, 2
