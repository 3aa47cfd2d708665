-- End sessions of ours that still wait for a client that has turned away: their locks are free at once.
SELECT pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE pid = ANY(%(pids)s)
  AND usename = current_user
  AND application_name LIKE 'catalogd %%'
  AND wait_event_type = 'Client'
