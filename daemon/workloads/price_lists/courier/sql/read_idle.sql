-- How long the job has made no progress.
SELECT extract(epoch FROM clock_timestamp() - (ml_job ->> 'advanced_at')::timestamptz)
FROM supplier_imports
WHERE id = %(import_id)s
