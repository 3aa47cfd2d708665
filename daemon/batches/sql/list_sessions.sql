-- Sessions of daemons at work: those of its workers have no purpose behind the instance's name. Names are seen by every
-- role; since when a session is there, only by its own role and by members of pg_read_all_stats.
SELECT application_name AS name,
       extract(epoch FROM clock_timestamp() - backend_start)::float8 AS up_s
FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name ~ '^catalogd [^ ]+( listener)?$'
ORDER BY application_name
