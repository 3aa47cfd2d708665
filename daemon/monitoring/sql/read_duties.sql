-- Of each periodic duty, when it was last done and how often in a row it has failed since.
SELECT name,
       extract(epoch FROM finished_at)::float8 AS done_at,
       failures
FROM catalogd_duties
ORDER BY name
