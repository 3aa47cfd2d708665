-- The lines of a slice.
SELECT line.import_id,
       line.number,
       line.item_key,
       line.sku,
       line.name,
       line.manufacturer,
       line.part_number,
       line.barcode,
       line.price,
       line.currency,
       line.stock,
       line.is_available,
       line.characteristics,
       line.error
FROM unnest(%(import_ids)s::bigint[], %(numbers)s::int[]) AS wanted (import_id, number)
JOIN supplier_import_lines AS line
  ON line.import_id = wanted.import_id
 AND line.number = wanted.number
ORDER BY line.import_id, line.number
