-- Triggers, without what only repeats their table's name.
SELECT class.relname AS relation,
       trigger.tgname AS name,
       regexp_replace(
           pg_get_triggerdef(trigger.oid, true),
           '^CREATE TRIGGER \S+ (.*?) ON \S+ (.*)EXECUTE FUNCTION (.*)$',
           '\1, \2\3'
       ) AS definition
FROM pg_trigger AS trigger
JOIN pg_class AS class ON class.oid = trigger.tgrelid
WHERE class.relnamespace = current_schema()::regnamespace
  AND NOT trigger.tgisinternal
ORDER BY class.relname, trigger.tgname
