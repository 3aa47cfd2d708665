-- Which products an experiment got right, of those of which that is known.
SELECT product_id,
       is_correct
FROM prediction_results
WHERE experiment_id = %(experiment_id)s
  AND is_correct IS NOT NULL
