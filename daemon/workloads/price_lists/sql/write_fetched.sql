-- The file is on the shelf: it can be read. Where a service has analyzed it before, the percentage stays.
UPDATE supplier_imports
SET phase = 'analyzing',
    phase_percent = CASE WHEN phase = 'analyzing' THEN phase_percent ELSE 0 END,
    file_name = %(file_name)s,
    file_checksum = %(checksum)s,
    fetched = %(fetched)s
WHERE id = %(import_id)s
