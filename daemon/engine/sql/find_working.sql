-- Which of these sessions work, or wait for something in the server. One that waits for its client has answered already.
SELECT pid
FROM pg_stat_activity
WHERE pid = ANY(%(pids)s)
  AND wait_event_type IS DISTINCT FROM 'Client'
