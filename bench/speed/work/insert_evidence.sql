-- For a client without COPY: $1 predictions, $2 to $5 the evidence.
INSERT INTO evidence (prediction_id, source_type, source_label, evidence_value, weight)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::numeric[])
