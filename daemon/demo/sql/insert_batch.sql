-- What PHP does, and all it does.
INSERT INTO categorization_batches (product_ids, created_by)
VALUES (%(product_ids)s, %(created_by)s)
RETURNING id
