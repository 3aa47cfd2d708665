-- What the server has taken of what our sessions ask for.
SELECT name,
       setting
FROM pg_settings
WHERE name LIKE 'tcp\_%'
   OR name = 'client_connection_check_interval'
