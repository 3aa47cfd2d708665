-- They are offered no longer: by this list, so that a line of an older one does not bring them back, and any of its own does.
-- An offer that a later list has brought back stays. Returns the products that they are offers of.
UPDATE supplier_items
SET gone_at = clock_timestamp(),
    is_available = false,
    last_import_id = %(import_id)s,
    last_line = 0
WHERE id = ANY(%(ids)s)
  AND gone_at IS NULL
  AND (last_import_id IS NULL OR last_import_id < %(import_id)s)
RETURNING product_id
