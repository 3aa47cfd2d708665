-- The tables whose trigger is on, or off.
SELECT own.relname
FROM pg_trigger AS bell
JOIN pg_class AS own ON own.oid = bell.tgrelid AND own.relnamespace = quote_ident(current_schema())::regnamespace
WHERE bell.tgname = %(bell)s
  AND (bell.tgenabled <> 'D') = %(ring)s
ORDER BY own.relname
