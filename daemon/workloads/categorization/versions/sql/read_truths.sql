-- What people have decided of these products, as of now. It reads what read_labelled.sql does.
SELECT labelled.id,
       labelled.category_code
FROM ({labelled}) AS labelled
WHERE labelled.id = ANY(%(product_ids)s::bigint[])
