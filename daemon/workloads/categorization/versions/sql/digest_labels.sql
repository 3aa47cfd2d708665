-- What people have decided, in short: the number of labels and a sum over them for each bucket of products. Which bucket
-- follows from the product's id; the sum does not depend on the order. It reads what read_labelled.sql does.
SELECT (hashint8extended(labelled.id::bigint, 0) & (%(buckets)s - 1))::int AS bucket,
       count(*) AS labels,
       sum(hashtextextended(labelled.category_code::text, labelled.id::bigint) & 4294967295)::bigint AS digest
FROM ({labelled}) AS labelled
GROUP BY 1
