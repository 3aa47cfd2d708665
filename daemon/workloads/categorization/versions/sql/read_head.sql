-- The first bytes of a model, which say in what format it is.
SELECT substring(content FROM 1 FOR 64)
FROM categorization_models
WHERE version = %(version)s
