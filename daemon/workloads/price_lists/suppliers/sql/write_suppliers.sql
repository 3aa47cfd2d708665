-- Suppliers as the sheet has them. Of their meta what the sheet said before goes, what it says now comes, and the rest
-- stays. Only those that the sheet brought are marked so: the others stay what they are when they leave it. Small and capital letters are the same.
WITH listed AS (
    SELECT *
    FROM unnest(%(names)s::text[], %(types)s::text[], %(urls)s::text[], %(actives)s::boolean[], %(metas)s::jsonb[])
        AS listed (name, source_type, source_url, is_active, meta)
), known AS (
    SELECT DISTINCT ON (listed.name)
           listed.name AS listed_name,
           supplier.name,
           CASE jsonb_typeof(supplier.meta) WHEN 'object' THEN supplier.meta ELSE '{{}}' END AS meta
    FROM suppliers AS supplier
    JOIN listed ON lower(listed.name) = lower(supplier.name)
    ORDER BY listed.name, supplier.name = listed.name DESC, supplier.id
), merged AS (
    SELECT coalesce(known.name, listed.name) AS name,
           listed.source_type,
           listed.source_url,
           listed.is_active,
           CASE WHEN known.name IS NULL
               THEN listed.meta || '{{"from_sheet": true}}'
               ELSE known.meta
                   - ARRAY(SELECT jsonb_array_elements_text(
                         CASE jsonb_typeof(known.meta -> 'sheet_columns') WHEN 'array'
                             THEN known.meta -> 'sheet_columns' ELSE '[]' END))
                   || listed.meta
           END AS meta
    FROM listed
    LEFT JOIN known ON known.listed_name = listed.name
)
INSERT INTO suppliers AS supplier (name, source_type, source_url, is_active, meta)
SELECT name, source_type, source_url, is_active, meta
FROM merged
ORDER BY name
ON CONFLICT (name) DO UPDATE
SET source_type = excluded.source_type,
    source_url = excluded.source_url,
    is_active = excluded.is_active,
    meta = excluded.meta,
    updated_at = now()
WHERE (supplier.source_type, supplier.source_url, supplier.is_active, supplier.meta)
      IS DISTINCT FROM
      (excluded.source_type, excluded.source_url, excluded.is_active, excluded.meta)
RETURNING xmax = 0
