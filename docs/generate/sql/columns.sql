-- Each column of the tables and views of the schema, and which of the roles may write it.
SELECT class.relname AS relation,
       class.relkind = 'v' AS is_view,
       attribute.attname AS name,
       format_type(attribute.atttypid, attribute.atttypmod) AS type,
       attribute.attnotnull AS is_required,
       col_description(class.oid, attribute.attnum) AS comment,
       ARRAY(
           SELECT writer.label
           FROM (VALUES (1, 'PHP', %(php)s::text), (2, 'daemon', %(runtime)s::text)) AS writer (place, label, role)
           WHERE has_column_privilege(writer.role, class.oid, attribute.attnum, 'INSERT')
              OR has_column_privilege(writer.role, class.oid, attribute.attnum, 'UPDATE')
           ORDER BY writer.place
       ) AS writers
FROM pg_class AS class
JOIN pg_attribute AS attribute
  ON attribute.attrelid = class.oid
 AND attribute.attnum > 0
 AND NOT attribute.attisdropped
WHERE class.relnamespace = current_schema()::regnamespace
  AND class.relkind IN ('r', 'p', 'v')
ORDER BY class.relname, attribute.attnum
