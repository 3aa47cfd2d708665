SELECT batch_id,
       model_version,
       products,
       low,
       unknown,
       unknown_manufacturers,
       usual_products,
       usual_low,
       usual_unknown,
       usual_unknown_manufacturers
FROM batch_drift
WHERE batch_id = ANY(%(batch_ids)s::bigint[])
ORDER BY batch_id
