-- $1 batch, $2 products treated.
UPDATE categorization_batches
SET processed_products = processed_products + $2::int,
    success_products = success_products + $2::int,
    status = CASE WHEN processed_products + $2::int >= total_products THEN 'completed' ELSE status END,
    completed_at = CASE WHEN processed_products + $2::int >= total_products THEN clock_timestamp() END
WHERE id = $1::bigint
