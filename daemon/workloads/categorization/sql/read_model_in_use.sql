-- The model in use: promoted last. No row while nothing was learned.
SELECT version,
       extract(epoch FROM learned_at)::float8 AS learned_at,
       products,
       categories
FROM categorization_models
WHERE promoted_at IS NOT NULL
ORDER BY promoted_at DESC, version DESC
LIMIT 1
