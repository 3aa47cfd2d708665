SELECT status,
       total_products AS total,
       processed_products AS processed
FROM categorization_batches
WHERE id = %(batch_id)s
