-- Lines are deleted from the first on: where that one is missing, others may be.
SELECT NOT EXISTS (
    SELECT
    FROM supplier_import_lines AS line
    WHERE line.import_id = import.id
      AND line.number = (import.line_numbers ->> 0)::int
)
FROM supplier_imports AS import
WHERE import.id = %(import_id)s
  AND jsonb_array_length(import.line_numbers) > 0
