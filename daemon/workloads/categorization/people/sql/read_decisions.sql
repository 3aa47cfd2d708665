-- What people decided on these products, the oldest decision of each product first.
SELECT product_id,
       prediction_id,
       verdict,
       predicted_category_code AS predicted,
       right_category_code AS chosen,
       is_right,
       decided_at
FROM human_decisions
WHERE product_id = ANY(%(product_ids)s::bigint[])
ORDER BY product_id, decided_at, id
