-- The precision of the last models whose predictions people decided on, the oldest first.
SELECT model_version,
       confidence_level AS level,
       decided,
       correct,
       precision::float8 AS precision,
       precision_low::float8 AS low,
       precision_high::float8 AS high
FROM lived_precision_by_model
WHERE coalesce(model_version, 0) IN (
    SELECT DISTINCT coalesce(model_version, 0)
    FROM lived_precision_by_model
    ORDER BY 1 DESC
    LIMIT %(models)s
)
ORDER BY model_version NULLS FIRST, array_position(ARRAY['high', 'medium', 'low'], confidence_level::text) NULLS LAST
