SELECT prediction.batch_id,
       prediction.product_id
FROM unnest(%(batch_ids)s::bigint[], %(product_ids)s::bigint[]) AS item (batch_id, product_id)
JOIN predictions AS prediction
  ON prediction.batch_id = item.batch_id
 AND prediction.product_id = item.product_id
