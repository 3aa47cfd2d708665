-- End sessions of catalogd whose client has been silent in the middle of a transaction for too long: a frozen process
-- keeps its locks, and inside a COPY no timeout of the server reaches it. Only workers' sessions: one with a purpose behind
-- its instance's name, such as the lock of a migration, may be silent for as long as it likes. Works within the same role.
SELECT activity.pid,
       activity.application_name,
       pg_terminate_backend(activity.pid) AS ended
FROM pg_stat_activity AS activity
WHERE activity.datname = current_database()
  AND activity.usename = current_user
  AND activity.application_name ~ '^catalogd [^ ]+$'
  AND activity.pid <> pg_backend_pid()
  AND activity.xact_start IS NOT NULL
  AND activity.wait_event_type = 'Client'
  AND activity.state_change < now() - %(bound)s
