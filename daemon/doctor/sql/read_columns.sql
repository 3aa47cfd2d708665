-- The columns of a view, each with the category of its type: S text, N number, U json and the like.
SELECT attribute.attname,
       type.typcategory
FROM pg_attribute AS attribute
JOIN pg_type AS type ON type.oid = attribute.atttypid
WHERE attribute.attrelid = to_regclass(%(view)s)
  AND attribute.attnum > 0
  AND NOT attribute.attisdropped
