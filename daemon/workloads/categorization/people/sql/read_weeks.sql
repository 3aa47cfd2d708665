-- The precision of the last weeks in which people decided, the oldest first.
SELECT week,
       confidence_level AS level,
       decided,
       correct,
       precision::float8 AS precision,
       precision_low::float8 AS low,
       precision_high::float8 AS high
FROM lived_precision
WHERE week IN (SELECT DISTINCT week FROM lived_precision ORDER BY week DESC LIMIT %(weeks)s)
ORDER BY week, array_position(ARRAY['high', 'medium', 'low'], confidence_level::text) NULLS LAST
