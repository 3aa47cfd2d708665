-- The supplier's newest list that was imported to its end: what was fetched for it.
SELECT earlier.id,
       earlier.fetched
FROM supplier_imports AS import
JOIN supplier_imports AS earlier
  ON earlier.supplier_id = import.supplier_id
 AND earlier.id < import.id
 AND earlier.status = 'completed'
WHERE import.id = %(import_id)s
ORDER BY earlier.id DESC
LIMIT 1
