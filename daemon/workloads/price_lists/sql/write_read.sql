-- The list is read: its lines are the batch's items.
UPDATE supplier_imports
SET phase = 'matching',
    phase_percent = 0,
    detected = %(detected)s,
    line_numbers = coalesce((
        SELECT jsonb_agg(number ORDER BY number)
        FROM supplier_import_lines
        WHERE import_id = %(import_id)s
    ), '[]')
WHERE id = %(import_id)s
