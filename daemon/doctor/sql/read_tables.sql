-- How far vacuum is with each table, the parts of a partitioned one included.
SELECT stat.relname,
       coalesce(class.reloptions::text ~* 'autovacuum_enabled=(false|off|0|no)', false),
       stat.n_live_tup,
       stat.n_dead_tup,
       stat.n_ins_since_vacuum,
       extract(epoch FROM now() - greatest(stat.last_vacuum, stat.last_autovacuum))::float8
FROM pg_stat_user_tables AS stat
JOIN pg_class AS class ON class.oid = stat.relid
LEFT JOIN pg_inherits AS part ON part.inhrelid = stat.relid
WHERE stat.schemaname = current_schema()
  AND (stat.relname = ANY(%(tables)s::text[])
       OR part.inhparent IN (SELECT to_regclass(quote_ident(name)) FROM unnest(%(tables)s::text[]) AS name))
ORDER BY 1
