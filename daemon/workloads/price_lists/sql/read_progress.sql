-- What whoever polls an import sees.
SELECT status,
       phase,
       phase_percent AS percent,
       total_lines AS total,
       processed_lines AS processed
FROM supplier_imports
WHERE id = %(import_id)s
