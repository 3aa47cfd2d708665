-- Sessions of this database whose transaction is open for long, or whose snapshot is old: that much everybody sees.
SELECT pid,
       usename,
       application_name,
       coalesce(state LIKE 'idle in transaction%%', false),
       extract(epoch FROM now() - xact_start)::float8,
       coalesce(age(backend_xmin), 0)
FROM pg_stat_activity
WHERE datname = current_database()
  AND pid <> pg_backend_pid()
  AND (xact_start < now() - make_interval(secs => %(long_s)s)
       OR age(backend_xmin) > %(many_xids)s)
ORDER BY xact_start
LIMIT 5
