-- Each item for itself, by the next key of batch and product, in their order, which only the index of both columns has: by
-- equality, a plan from when the table was nearly empty reads all that the batch has, once for each item. (Sessions sort
-- nothing by halves, or the batch's index would look like a short cut again.) Rows that cannot be seen yet are walked
-- through, but only those of the batch itself that stand above: of slices that others are at.
SELECT item.batch_id,
       item.product_id
FROM unnest(%(batch_ids)s::bigint[], %(product_ids)s::bigint[]) AS item (batch_id, product_id)
CROSS JOIN LATERAL (
    SELECT prediction.product_id
    FROM predictions AS prediction
    WHERE (prediction.batch_id, prediction.product_id) >= (item.batch_id, item.product_id)
      AND prediction.batch_id <= item.batch_id
    ORDER BY prediction.batch_id, prediction.product_id
    LIMIT 1
) AS next
WHERE next.product_id = item.product_id
