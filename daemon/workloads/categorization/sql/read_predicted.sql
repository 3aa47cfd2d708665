-- Each item for itself, by the key of batch and product: joined as a whole, statistics from before the batch make reading
-- all that the batch has so far look shorter, once for each of its slices.
SELECT item.batch_id,
       item.product_id
FROM unnest(%(batch_ids)s::bigint[], %(product_ids)s::bigint[]) AS item (batch_id, product_id)
CROSS JOIN LATERAL (
    SELECT
    FROM predictions AS prediction
    WHERE prediction.batch_id = item.batch_id
      AND prediction.product_id = item.product_id
    LIMIT 1
) AS found
