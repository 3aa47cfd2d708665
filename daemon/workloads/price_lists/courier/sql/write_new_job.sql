-- A job is about to be ordered; whatever was before it counts no longer.
UPDATE supplier_imports
SET ml_job = %(job)s::jsonb || jsonb_build_object('advanced_at', clock_timestamp()),
    phase = 'downloading',
    phase_percent = 0
WHERE id = %(import_id)s
