-- The imports of a slice, with what concerns their matching. One whose supplier was deleted has none.
SELECT import.id,
       import.supplier_id,
       import.options ->> 'currency' AS currency
FROM supplier_imports AS import
WHERE import.id = ANY(%(import_ids)s)
