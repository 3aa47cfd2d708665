-- A newer list of the supplier has been read: this one says nothing any more, and none is compared with it.
UPDATE supplier_imports
SET phase = 'matching',
    phase_percent = 0,
    line_numbers = '[]',
    fetched = NULL,
    detected = jsonb_build_object('overtaken_by_import', %(later)s::bigint)
WHERE id = %(import_id)s
