-- Keys and checks, in the order in which they are read: primary and unique keys, foreign keys, checks.
SELECT class.relname AS relation,
       con.conname AS name,
       con.contype::text AS kind,
       pg_get_constraintdef(con.oid, true) AS definition
FROM pg_constraint AS con
JOIN pg_class AS class ON class.oid = con.conrelid
WHERE class.relnamespace = current_schema()::regnamespace
  AND con.contype IN ('p', 'u', 'f', 'c')
ORDER BY class.relname, position(con.contype IN 'pufc'), con.conname
