-- Whether autovacuum runs at all, and how many transactions old the oldest row of this database is.
SELECT current_setting('autovacuum') = 'on',
       current_setting('track_counts') = 'on',
       (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()),
       current_setting('autovacuum_vacuum_insert_threshold')::bigint
