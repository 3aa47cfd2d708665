-- A daemon that runs has a session that listens. Its name is seen by every role.
SELECT pid
FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name LIKE 'catalogd %% listener'
LIMIT 1
