-- Sessions of this database of which this role may not see what they do.
SELECT count(*)::int
FROM pg_stat_activity
WHERE datname = current_database()
  AND query = '<insufficient privilege>'
