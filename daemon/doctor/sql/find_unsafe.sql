-- Settings without which a crash of the machine may ruin the database, that are off.
SELECT name
FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes')
  AND setting = 'off'
ORDER BY name
