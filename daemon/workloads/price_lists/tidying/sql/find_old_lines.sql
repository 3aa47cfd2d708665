-- An import that ended so long ago and has lines still; it cannot be set back meanwhile.
SELECT import.id
FROM supplier_imports AS import
WHERE import.status IN ('completed', 'failed', 'cancelled')
  AND coalesce(import.completed_at, import.created_at) < now() - %(age)s
  AND EXISTS (SELECT FROM supplier_import_lines AS line WHERE line.import_id = import.id)
ORDER BY import.id
LIMIT 1
FOR NO KEY UPDATE OF import SKIP LOCKED
