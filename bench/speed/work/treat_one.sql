-- Everything that is written for one product of a batch of one, in one statement: $1 batch, $2 product, $3 to $6 the
-- decision, $7 model version, $8 to $11 its evidence.
WITH older AS (
    UPDATE predictions
    SET status = 'superseded',
        updated_at = now()
    WHERE product_id = $2::bigint
      AND status = 'pending'
), prediction AS (
    INSERT INTO predictions (product_id, batch_id, suggested_category_code, suggested_category_label, confidence_score,
                             confidence_level, status, model_version)
    VALUES ($2::bigint, $1::bigint, $3::text, $4::text, $5::numeric, $6::text, 'pending', $7::bigint)
    RETURNING id
), reasons AS (
    INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)
    SELECT prediction.id, reason.*
    FROM prediction
    CROSS JOIN unnest($8::text[], $9::text[], $10::text[], $11::numeric[]) AS reason
), marked AS (
    UPDATE products
    SET status = 'predicted'
    WHERE id = $2::bigint
)
UPDATE categorization_batches
SET processed_products = 1,
    success_products = 1,
    status = 'completed',
    completed_at = clock_timestamp()
WHERE id = $1::bigint
