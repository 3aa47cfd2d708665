-- The file is on the shelf: it can be read.
UPDATE supplier_imports
SET phase = 'analyzing',
    phase_percent = 0,
    file_name = %(file_name)s,
    file_checksum = %(checksum)s,
    fetched = %(fetched)s
WHERE id = %(import_id)s
