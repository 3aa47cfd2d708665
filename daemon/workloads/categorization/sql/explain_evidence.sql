SELECT source_type,
       source_label,
       evidence_value AS value,
       weight::float8 AS weight
FROM evidence
WHERE prediction_id = %(prediction_id)s
ORDER BY weight DESC NULLS LAST, id
