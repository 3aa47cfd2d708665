-- What the newest list of the supplier was, if it was imported to its end: then its items say what it said. An import that
-- has a list already compares it with none: what it wrote of that is not known.
SELECT newest.id,
       newest.fetched
FROM supplier_imports AS import
CROSS JOIN LATERAL (
    SELECT other.id,
           other.status,
           other.fetched
    FROM supplier_imports AS other
    WHERE other.supplier_id = import.supplier_id
      AND other.id <> import.id
      AND other.fetched IS NOT NULL
    ORDER BY other.id DESC
    LIMIT 1
) AS newest
WHERE import.id = %(import_id)s
  AND import.fetched IS NULL
  AND newest.status = 'completed'
