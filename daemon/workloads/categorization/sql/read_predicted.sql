-- Each batch's products in one look at an index: where predictions are partitioned, that look is taken in every partition.
SELECT prediction.batch_id,
       prediction.product_id
FROM (
    SELECT batch_id, array_agg(product_id) AS product_ids
    FROM unnest(%(batch_ids)s::bigint[], %(product_ids)s::bigint[]) AS item (batch_id, product_id)
    GROUP BY batch_id
) AS wanted
JOIN predictions AS prediction
  ON prediction.batch_id = wanted.batch_id
 AND prediction.product_id = ANY(wanted.product_ids)
