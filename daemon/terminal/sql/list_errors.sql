-- A page of the items of a batch that could not be treated.
SELECT id,
       left(item::text, 200) AS item,
       code,
       message,
       details
FROM {errors}
WHERE {reference} = %(batch_id)s
  AND id > %(after)s
ORDER BY id
LIMIT 1000
