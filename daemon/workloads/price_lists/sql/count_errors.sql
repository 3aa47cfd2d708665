-- The lines that could not be used: how many for each reason, and the first of them.
SELECT code,
       count(*) AS lines,
       (array_agg(left(item::text, 200) ORDER BY id))[1] AS line,
       (array_agg(left(message, 1000) ORDER BY id))[1] AS message,
       (array_agg(left(details ->> 'column', 200) ORDER BY id))[1] AS column,
       (array_agg(left(details ->> 'value', 200) ORDER BY id))[1] AS value
FROM supplier_import_errors
WHERE import_id = %(import_id)s
GROUP BY code
ORDER BY count(*) DESC, code
