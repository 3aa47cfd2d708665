-- Prepared transactions that nobody has ended for long.
SELECT gid,
       owner,
       extract(epoch FROM now() - prepared)::float8
FROM pg_prepared_xacts
WHERE prepared < now() - make_interval(secs => %(long_s)s)
   OR age(transaction) > %(many_xids)s
ORDER BY prepared
LIMIT 5
