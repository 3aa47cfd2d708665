-- What was read before is read anew, perhaps from another file.
WITH results AS (
    DELETE FROM supplier_import_results
    WHERE import_id = %(import_id)s
)
DELETE FROM supplier_import_lines
WHERE import_id = %(import_id)s
