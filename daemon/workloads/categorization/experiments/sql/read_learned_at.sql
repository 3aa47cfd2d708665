SELECT learned_at
FROM categorization_models
WHERE version = %(version)s
