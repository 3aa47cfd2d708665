-- How the server is, as far as it matters here: how full the queue of notifications is, which instances there are (by the
-- sessions of their workers), how long the oldest transaction of this database has been open, and how many transactions
-- vacuum must keep the dead rows of. The times of other roles' sessions are shown to members of pg_read_all_stats only;
-- how far back they hold is shown to everybody.
WITH session AS (
    SELECT *
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid()
      AND (datname = current_database() OR datid IS NULL)
)
SELECT pg_notification_queue_usage() AS queue_usage,
       (SELECT count(DISTINCT application_name)
        FROM session
        WHERE application_name ~ '^catalogd [^ ]+:[^ ]*$') AS instances,
       (SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')) AS sees_all,
       greatest(
           (SELECT max(extract(epoch FROM clock_timestamp() - xact_start))
            FROM session
            WHERE xact_start IS NOT NULL
              AND backend_type = 'client backend'),
           (SELECT max(extract(epoch FROM clock_timestamp() - prepared))
            FROM pg_prepared_xacts
            WHERE database = current_database()),
           0
       )::float8 AS oldest_s,
       greatest(
           (SELECT max(greatest(age(backend_xid), age(backend_xmin))) FROM session),
           (SELECT max(age(transaction)) FROM pg_prepared_xacts WHERE database = current_database()),
           (SELECT max(age(xmin)) FROM pg_replication_slots),
           0
       )::float8 AS held_back
