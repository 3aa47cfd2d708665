-- The evidence for predictions, the strongest first.
SELECT prediction_id,
       coalesce(source_label, source_type) AS source,
       left(evidence_value, 1000) AS value,
       weight::float8 AS weight
FROM evidence
WHERE prediction_id = ANY(%(ids)s::bigint[])
ORDER BY prediction_id, weight DESC NULLS LAST, id
