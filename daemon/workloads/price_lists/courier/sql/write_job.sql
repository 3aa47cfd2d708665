-- What is known of the job, and how far it is, for whoever polls the row: there it never goes back.
UPDATE supplier_imports
SET ml_job = %(job)s::jsonb || jsonb_build_object(
        'advanced_at', CASE WHEN %(is_advanced)s THEN to_jsonb(clock_timestamp()) ELSE ml_job -> 'advanced_at' END),
    phase = CASE WHEN phase = 'analyzing' THEN phase ELSE %(phase)s END,
    phase_percent = CASE
        WHEN phase = %(phase)s THEN greatest(phase_percent, %(percent)s)
        WHEN phase = 'analyzing' THEN phase_percent
        ELSE %(percent)s
    END
WHERE id = %(import_id)s
