-- The list is the one that was imported last: there is nothing to do.
UPDATE supplier_imports
SET phase = 'matching',
    phase_percent = 0,
    line_numbers = '[]',
    file_checksum = %(checksum)s,
    fetched = %(fetched)s,
    detected = jsonb_build_object('unchanged_since_import', %(earlier)s::bigint, 'how', %(how)s::text)
WHERE id = %(import_id)s
