-- The daemons at work in this database, each by the session that listens. A name is seen by every role.
SELECT DISTINCT split_part(application_name, ' ', 2) AS instance
FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name LIKE 'catalogd %% listener'
ORDER BY instance
LIMIT 50
