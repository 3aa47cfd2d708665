-- Each item for itself, by the next key of batch and product: whatever the statistics say, only the index of both columns
-- has them in order. (By equality, a plan from when the table was empty may read all that the batch or the product has,
-- once for each item.)
SELECT item.batch_id,
       item.product_id
FROM unnest(%(batch_ids)s::bigint[], %(product_ids)s::bigint[]) AS item (batch_id, product_id)
CROSS JOIN LATERAL (
    SELECT prediction.batch_id,
           prediction.product_id
    FROM predictions AS prediction
    WHERE (prediction.batch_id, prediction.product_id) >= (item.batch_id, item.product_id)
    ORDER BY prediction.batch_id, prediction.product_id
    LIMIT 1
) AS next
WHERE next.batch_id = item.batch_id
  AND next.product_id = item.product_id
