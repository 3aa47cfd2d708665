-- What each replication slot keeps: bytes of log, and rows of how many transactions.
SELECT slot_name,
       active,
       coalesce(wal_status = 'lost', false),
       CASE
           WHEN pg_is_in_recovery() OR restart_lsn IS NULL THEN 0
           ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)
       END::bigint,
       greatest(coalesce(age(xmin), 0), coalesce(age(catalog_xmin), 0))
FROM pg_replication_slots
ORDER BY slot_name
