-- Items that the list has no longer; and, for all, how many the supplier had.
WITH listed AS MATERIALIZED (
    SELECT DISTINCT item_key
    FROM supplier_import_lines
    WHERE import_id = %(import_id)s
      AND error IS NULL
), known AS MATERIALIZED (
    SELECT id, item_key
    FROM supplier_items
    WHERE supplier_id = %(supplier_id)s
      AND gone_at IS NULL
      AND (last_import_id IS NULL OR last_import_id < %(import_id)s)
)
SELECT known.id,
       (SELECT count(*) FROM known) AS known
FROM known
LEFT JOIN listed ON listed.item_key = known.item_key
WHERE listed.item_key IS NULL
ORDER BY known.id
