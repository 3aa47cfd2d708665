-- For a client without COPY: $1 ids, $2 products, $3 batch, $4 to $7 the decisions, $8 model version.
INSERT INTO predictions (id, product_id, batch_id, suggested_category_code, suggested_category_label, confidence_score,
                         confidence_level, status, model_version)
SELECT id, product_id, $3::bigint, code, label, confidence, level, 'pending', $8::bigint
FROM unnest($1::bigint[], $2::bigint[], $4::text[], $5::text[], $6::numeric[], $7::text[])
    AS decision (id, product_id, code, label, confidence, level)
