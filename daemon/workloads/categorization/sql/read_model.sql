SELECT content
FROM categorization_models
WHERE version = %(version)s
