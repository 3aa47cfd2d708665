-- The one in use: promoted last.
SELECT version
FROM categorization_models
WHERE promoted_at IS NOT NULL
ORDER BY promoted_at DESC, version DESC
LIMIT 1
