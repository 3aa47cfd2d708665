-- A page of the items of a batch that could not be treated, of one code or all.
SELECT id,
       left(item::text, 200) AS item,
       code,
       message,
       details
FROM {errors}
WHERE {reference} = %(batch_id)s
  AND id > %(after)s
  AND (%(code)s::text IS NULL OR code = %(code)s::text)
ORDER BY id
LIMIT %(limit)s
