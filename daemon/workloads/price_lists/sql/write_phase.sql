-- Where the preparation stands, for whoever polls the row.
UPDATE supplier_imports
SET phase = %(phase)s,
    phase_percent = %(percent)s
WHERE id = %(import_id)s
  AND (phase, phase_percent) IS DISTINCT FROM (%(phase)s, %(percent)s)
