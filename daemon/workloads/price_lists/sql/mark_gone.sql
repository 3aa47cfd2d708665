-- They are offered no longer. An offer that a later list has brought back stays.
UPDATE supplier_items
SET gone_at = clock_timestamp(),
    is_available = false
WHERE id = ANY(%(ids)s)
  AND gone_at IS NULL
  AND (last_import_id IS NULL OR last_import_id < %(import_id)s)
