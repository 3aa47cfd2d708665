SELECT id,
       status,
       total_products AS total,
       success_products AS success,
       error_products AS errors,
       completed_at,
       extract(epoch FROM completed_at - created_at)::float8 AS duration_s
FROM categorization_batches
ORDER BY id
