-- Where the preparation stands, for whoever polls the row; within a phase it never goes back.
UPDATE supplier_imports
SET phase = %(phase)s,
    phase_percent = CASE WHEN phase = %(phase)s THEN greatest(phase_percent, %(percent)s) ELSE %(percent)s END
WHERE id = %(import_id)s
  AND (phase IS DISTINCT FROM %(phase)s OR phase_percent < %(percent)s)
