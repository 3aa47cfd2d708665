-- An import as it was ordered, and what of its order the supplier knows by itself. PHP writes an array without entries as [].
SELECT import.id,
       import.phase,
       import.supplier_id,
       supplier.name AS supplier,
       coalesce(import.source_type, supplier.source_type) AS source_type,
       coalesce(import.source_url, supplier.source_url) AS source_url,
       CASE jsonb_typeof(supplier.meta) WHEN 'object' THEN supplier.meta ELSE '{{}}' END AS supplier_meta,
       coalesce(nullif(import.column_mapping, '[]'), supplier.meta -> 'column_mapping') AS column_mapping,
       coalesce(import.options, '{{}}') AS options,
       import.file_name,
       import.fetched,
       import.ml_job,
       import.detected,
       coalesce(import.retry_count, 0) AS retry_count
FROM supplier_imports AS import
LEFT JOIN suppliers AS supplier ON supplier.id = import.supplier_id
WHERE import.id = %(import_id)s
