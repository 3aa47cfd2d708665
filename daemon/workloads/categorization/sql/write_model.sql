INSERT INTO categorization_models (products, categories, report, content)
VALUES (%(products)s, %(categories)s, %(report)s, %(content)s)
RETURNING version
