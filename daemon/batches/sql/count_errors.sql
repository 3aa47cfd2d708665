-- How many items of a batch have which error, the most frequent first, of as many as are looked at.
SELECT code,
       count(*) AS items
FROM (
    SELECT code
    FROM {errors}
    WHERE {reference} = %(batch_id)s
    LIMIT %(limit)s
) AS of_batch
GROUP BY code
ORDER BY items DESC, code
LIMIT 50
