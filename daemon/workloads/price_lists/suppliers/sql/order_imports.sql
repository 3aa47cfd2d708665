-- One import for each active supplier, unless one is under way or was ordered a moment ago.
INSERT INTO supplier_imports (supplier_id, source_type, source_url)
SELECT supplier.id,
       supplier.source_type,
       supplier.source_url
FROM suppliers AS supplier
WHERE supplier.is_active
  AND btrim(supplier.source_url) <> ''
  AND NOT EXISTS (
      SELECT
      FROM supplier_imports AS import
      WHERE import.supplier_id = supplier.id
        AND (import.status IN ('pending', 'processing') OR import.created_at >= %(since)s)
  )
ORDER BY supplier.id
