-- Offers without a product become drafts of one; those that say the same barcode or part number share it.
INSERT INTO product_drafts (draft_key, name, manufacturer, part_number, barcode, characteristics)
SELECT DISTINCT ON (wanted.draft_key)
       wanted.draft_key,
       line.name,
       line.manufacturer,
       line.part_number,
       line.barcode,
       coalesce(line.characteristics, '{{}}')
FROM unnest(%(import_ids)s::bigint[], %(numbers)s::int[], %(draft_keys)s::text[]) AS wanted (import_id, number, draft_key)
JOIN supplier_import_lines AS line
  ON line.import_id = wanted.import_id
 AND line.number = wanted.number
ORDER BY wanted.draft_key, line.number
ON CONFLICT (draft_key) DO NOTHING
