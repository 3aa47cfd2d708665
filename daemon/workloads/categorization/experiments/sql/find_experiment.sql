SELECT data_fingerprint
FROM prediction_experiments
WHERE id = %(experiment_id)s
