SELECT max(version)
FROM categorization_models
