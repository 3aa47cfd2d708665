-- What people found of the predictions, in one look at their decisions: by week, level and model, and by confidence between
-- the edges given.
SELECT date_trunc('week', decided_at)::date AS week,
       confidence_level AS level,
       model_version,
       width_bucket(confidence_score::float8, %(edges)s::float8[]) AS bucket,
       count(*) AS decided,
       count(*) FILTER (WHERE is_right) AS correct,
       coalesce(sum(confidence_score), 0)::float8 AS said
FROM lived_decisions
GROUP BY 1, 2, 3, 4
